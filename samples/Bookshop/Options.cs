namespace Bookshop;

/// <summary>What a service is started with.</summary>
/// <param name="Port">Where it listens on loopback.</param>
/// <param name="Version">Shown in its answers, so that a reader sees which version served.</param>
/// <param name="Rate">Traffic only: page views per second.</param>
/// <param name="Target">Traffic only: the storefront's address.</param>
public sealed record Options(int Port, string Version, double Rate, string Target)
{
    public static Options Parse(IEnumerable<string> args)
    {
        var given = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
        return new Options(
            int.Parse(given.GetValueOrDefault("--port", "8080")),
            given.GetValueOrDefault("--version", "v1"),
            double.Parse(given.GetValueOrDefault("--rate", "20")),
            given.GetValueOrDefault("--target", "http://storefront"));
    }

    /// <summary>An application that listens on loopback and logs warnings only.</summary>
    public WebApplication BuildApp()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls($"http://127.0.0.1:{Port}");
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(new HttpClient { Timeout = TimeSpan.FromSeconds(10) });
        return builder.Build();
    }
}
