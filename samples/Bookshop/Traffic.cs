namespace Bookshop;

/// <summary>Customers: look at the shop, at a book, and buy one now and then, at a steady rate. Prints a line when something fails.</summary>
public static class Traffic
{
    public static async Task<int> RunAsync(Options options)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1 / options.Rate));
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) => { e.Cancel = true; stop.Cancel(); };
        using var terminated = System.Runtime.InteropServices.PosixSignalRegistration.Create(
            System.Runtime.InteropServices.PosixSignal.SIGTERM, c => { c.Cancel = true; stop.Cancel(); });
        try
        {
            for (var visit = 0; await timer.WaitForNextTickAsync(stop.Token); visit++) _ = VisitAsync(http, options.Target, visit);
        }
        catch (OperationCanceledException)
        {
            // asked to stop
        }
        return 0;
    }

    private static async Task VisitAsync(HttpClient http, string target, int visit)
    {
        var book = visit % 4 + 1;
        try
        {
            using var answer = (visit % 5) switch
            {
                0 => await http.PostAsync($"{target}/buy/{book}", null),
                1 or 2 => await http.GetAsync($"{target}/books/{book}"),
                _ => await http.GetAsync($"{target}/"),
            };
            if (!answer.IsSuccessStatusCode) Console.WriteLine($"{answer.RequestMessage!.RequestUri} answered {(int)answer.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            Console.WriteLine($"visit {visit} failed: {e.Message}");
        }
    }
}
