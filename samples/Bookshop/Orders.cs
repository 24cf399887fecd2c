namespace Bookshop;

/// <summary>Accepts orders and has them paid by payments.</summary>
public static class Orders
{
    private const decimal Price = 20m;

    public static async Task<int> RunAsync(Options options)
    {
        var app = options.BuildApp();
        app.MapPost("/orders", async (OrderRequest request, HttpClient http) =>
        {
            var id = Guid.NewGuid();
            using var answer = await http.PostAsJsonAsync("http://payments/payments", new PaymentRequest(id, request.Quantity * Price));
            if (!answer.IsSuccessStatusCode)
                return Results.Json(new Order(id, request.Book, request.Quantity, "payment failed", null), statusCode: StatusCodes.Status502BadGateway);
            var payment = await answer.Content.ReadFromJsonAsync<Payment>();
            return Results.Ok(new Order(id, request.Book, request.Quantity, "accepted", payment!.Id));
        });
        await app.RunAsync();
        return 0;
    }
}
