using System.Diagnostics;
using System.Globalization;
using System.Net;
using Shouldly;
using Weft.LoadTest;
using Weft.LoadTest.Reports;
using Weft.Scenarios.CommandLine;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>Processes that stand still and do not die: no connection breaks, no connect is refused, only time tells.</summary>
public sealed class StallTests
{
    private const string Timeout = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: catalog, namespace: default}
        spec:
          parentRefs: [{group: "", kind: Service, name: catalog}]
          rules:
          - backendRefs: [{name: catalog, port: 80}]
            timeouts: {request: 500ms}
        """;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Half a second is what one request may cost; requests in flight steer the others away, and nothing has to be restarted.</summary>
    [Fact]
    public async Task A_stalled_application_or_proxy_costs_few_requests_their_timeout_and_serves_again_when_it_wakes()
    {
        await using var stays = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", stays.Port, workload: "catalog-a");
        var port = Ports.Free();
        using var stalls = Process.Start(new ProcessStartInfo(Installation.Bookshop, ["catalog", "--port", port.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        try
        {
            var sidecar = await mesh.AddAsync("catalog", port, workload: "catalog-b");
            var client = await mesh.AddAsync("storefront", 0);
            using var http = client.Client();
            await MeshEndToEndTests.Eventually(async () => (await AnswersAsync(http, 10)).Distinct().Count().ShouldBe(2));
            await mesh.RolloutAsync(await mesh.ApplyAsync(Timeout));

            foreach (var victim in (Process[])[stalls, sidecar.Process])
            {
                await UnderLoadAsync(client, victim);
                (await AnswersAsync(http, 40)).Count(a => a == "hello").ShouldBeInRange(1, 39, "both serve again, and every request is answered");
            }
        }
        finally
        {
            stalls.Kill();
        }
    }

    private static async Task UnderLoadAsync(Sidecar client, Process victim)
    {
        var watch = Stopwatch.StartNew();
        var load = LoadGenerator.RunAsync(new LoadOptions
        {
            Target = new Uri("http://catalog/books"), Proxy = new Uri($"http://127.0.0.1:{client.Outbound}"), Rate = 100, Connections = 16, Duration = TimeSpan.FromSeconds(3), Timeout = TimeSpan.FromSeconds(4),
        }, Stop);
        await Task.Delay(500, Stop);
        var stalled = watch.Elapsed.TotalSeconds;
        using (new Frozen(victim)) await Task.Delay(1500, Stop);
        var woken = watch.Elapsed.TotalSeconds;
        var report = await load;

        TestContext.Current.TestOutputHelper?.WriteLine(ReportText.Table(report));
        report.Statuses.Keys.ShouldBe([200, 504], ignoreOrder: true, "no request is lost without an answer, and the only other answer is its timeout");
        report.Failed.ShouldBe(report.Statuses[504]);
        report.Failed.ShouldBeLessThan(report.Requests / 6, "sent blindly, half of what came in the stall would fail: a quarter of all");
        report.FirstFailures.ShouldAllBe(f => f.Detail.Contains("response-timeout", StringComparison.Ordinal) && f.AtSeconds > stalled - 1 && f.AtSeconds < woken + 0.5);
        report.LatencyMs.Max.ShouldBeLessThan(2000);
    }

    /// <summary>A caller's proxy that stands still answers late what came meanwhile, on the connections that it had.</summary>
    [Fact]
    public async Task A_stalled_proxy_of_the_caller_answers_when_it_wakes()
    {
        await using var app = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", app.Port);
        var client = await mesh.AddAsync("storefront", 0);
        using var http = client.Client();
        var running = http.GetStringAsync("http://catalog/slow?seconds=1", Stop);
        await MeshEndToEndTests.Eventually(() => { app.Served.ShouldBe(1); return Task.CompletedTask; });

        Task<string> late;
        using (new Frozen(client.Process))
        {
            late = http.GetStringAsync("http://catalog/", Stop);
            await Task.Delay(700, Stop);
            late.IsCompleted.ShouldBeFalse();
        }

        (await late).ShouldBe("hello");
        (await running).Split('\n').Length.ShouldBe(11, "a response that was on its way is whole");
    }

    private static async Task<List<string>> AnswersAsync(HttpClient http, int count)
    {
        var answers = new List<string>();
        for (var i = 0; i < count; i++)
        {
            using var answer = await http.GetAsync("http://catalog/books", Stop);
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            answers.Add(await answer.Content.ReadAsStringAsync(Stop));
        }
        return answers;
    }
}
