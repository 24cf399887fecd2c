using System.Net;
using Shouldly;
using Weft.LoadTest;
using Xunit;

namespace Weft.Scenarios.Mesh;

public sealed class RotationTests
{
    /// <summary>Certificates of 20 seconds, renewed at half of that, under load and with long responses open: connections change, requests do not notice.</summary>
    [Fact]
    public async Task Certificates_rotate_under_load_and_under_long_responses_and_nothing_fails()
    {
        var length = TimeSpan.FromSeconds(Environment.GetEnvironmentVariable("WEFT_LONG") == "1" ? 300 : 30);
        await using var app = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync(leafLifetime: TimeSpan.FromSeconds(20));
        var server = await mesh.AddAsync("catalog", app.Port);
        var client = await mesh.AddAsync("storefront", 0);
        using var http = client.Client();
        (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("hello");
        var first = await SerialAsync(server);

        using var stop = new CancellationTokenSource(length);
        var cut = new List<string>();
        var long_responses = 0;
        var slow = Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                // Longer than a certificate lives: the connection outlives its certificate and drains, it is not cut.
                using var unbounded = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy($"http://127.0.0.1:{client.Outbound}") }) { Timeout = TimeSpan.FromMinutes(2) };
                try
                {
                    var lines = (await unbounded.GetStringAsync("http://catalog/slow?seconds=25")).Split('\n').Length - 1;
                    if (lines != 250) lock (cut) cut.Add($"{lines} lines");
                    Interlocked.Increment(ref long_responses);
                }
                catch (Exception e)
                {
                    lock (cut) cut.Add(e.Message);
                }
            }
        })));
        var report = await LoadGenerator.RunAsync(new LoadOptions
        {
            Target = new Uri("http://catalog/"), Proxy = new Uri($"http://127.0.0.1:{client.Outbound}"), Rate = 100, Connections = 8, Duration = length,
        }, TestContext.Current.CancellationToken);
        await slow;

        TestContext.Current.TestOutputHelper?.WriteLine($"{report.Requests} requests, {report.Failed} failed, {long_responses} long responses, p99 {report.LatencyMs.P99} ms");
        report.Failed.ShouldBe(0, string.Join("; ", report.FirstFailures.Take(5)));
        cut.ShouldBeEmpty();
        (await SerialAsync(server)).ShouldNotBe(first, "the certificate must have been renewed");
        server.Log.ShouldNotContain("survived");
    }

    private static async Task<string> SerialAsync(Sidecar sidecar)
    {
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync($"http://127.0.0.1:{sidecar.Admin}/metrics");
        return metrics.Split('\n').Single(l => l.StartsWith("weft_certificate_expiry_timestamp_seconds ", StringComparison.Ordinal));
    }
}
