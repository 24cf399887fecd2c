using System.Collections.Concurrent;
using System.Net;
using Shouldly;
using Weft.LoadTest;
using Xunit;

namespace Weft.Scenarios.Mesh;

public sealed class RollingRestartTests
{
    private const int Streams = 20;

    /// <summary>Two instances of a service whose proxies are restarted in turn: 200 requests per second and 20 responses of two seconds, which fit into the drain time of five.</summary>
    [Fact]
    public async Task Restarting_one_server_proxy_after_the_other_costs_no_request_and_cuts_no_stream()
    {
        var restarts = Environment.GetEnvironmentVariable("WEFT_LONG") == "1" ? 50 : 3;
        await using var first = await Application.StartAsync("hello");
        await using var second = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync();
        Sidecar[] servers = [await mesh.AddAsync("catalog", first.Port, workload: "catalog-a"), await mesh.AddAsync("catalog", second.Port, workload: "catalog-b")];
        var client = await mesh.AddAsync("storefront", 0);
        using (var http = client.Client()) (await http.GetStringAsync("http://catalog/", TestContext.Current.CancellationToken)).ShouldBe("hello");

        using var stop = new CancellationTokenSource();
        var load = LoadGenerator.RunAsync(new LoadOptions
        {
            Target = new Uri("http://catalog/"), Proxy = new Uri($"http://127.0.0.1:{client.Outbound}"), Rate = 200, Connections = 16, Duration = TimeSpan.FromHours(1),
        }, stop.Token);
        var cut = new ConcurrentQueue<string>();
        var whole = 0;
        var streams = Enumerable.Range(0, Streams).Select(_ => Task.Run(async () =>
        {
            using var http = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy($"http://127.0.0.1:{client.Outbound}") });
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    var lines = (await http.GetStringAsync("http://catalog/slow?seconds=2")).Split('\n').Length - 1;
                    if (lines == 20) Interlocked.Increment(ref whole);
                    else cut.Enqueue($"{lines} lines");
                }
                catch (HttpRequestException e)
                {
                    cut.Enqueue(e.Message);
                }
            }
        })).ToArray();

        for (var i = 0; i < restarts; i++)
        {
            await Task.Delay(500, TestContext.Current.CancellationToken);
            await mesh.RestartAsync(servers[i % servers.Length]);
        }
        await stop.CancelAsync();
        var report = await load;
        await Task.WhenAll(streams);

        TestContext.Current.TestOutputHelper?.WriteLine($"{restarts} restarts: {report.Requests} requests, {report.Failed} failed; {whole} streams of two seconds, {cut.Count} cut; p99 {report.LatencyMs.P99} ms");
        report.Failed.ShouldBe(0, string.Join("; ", report.FirstFailures.Take(5)));
        cut.ShouldBeEmpty();
        whole.ShouldBeGreaterThanOrEqualTo(Streams);
        foreach (var server in servers) server.Log.ShouldNotContain("survived");
    }
}
