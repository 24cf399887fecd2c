namespace Bookshop;

/// <summary>Takes money, once per order.</summary>
public static class Payments
{
    public static async Task<int> RunAsync(Options options)
    {
        var app = options.BuildApp();
        app.MapPost("/payments", (PaymentRequest request) => new Payment($"pay-{request.Order:N}"[..16], request.Order, request.Amount > 0 ? "paid" : "refused"));
        await app.RunAsync();
        return 0;
    }
}
