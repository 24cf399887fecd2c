using System.Globalization;
using System.Text.RegularExpressions;
using Shouldly;
using Weft.LoadTest;
using Weft.LoadTest.Reports;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.CommandLine;

/// <summary>A canary release by three files.</summary>
public sealed partial class SteeringTests(ITestOutputHelper output)
{
    [Fact(Timeout = 180_000)]
    public async Task A_canary_moves_under_500_requests_per_second_without_one_failure_and_each_step_is_acknowledged_in_a_second()
    {
        await using var weft = new Installation();
        await weft.StartControlAsync();
        (await weft.WeftAsync("apply", "-f", Path.Combine(Tool.RepositoryRoot(), "samples/Bookshop/mesh/mesh.yaml"))).ShouldSucceed();
        await Task.WhenAll(weft.RunBookshopAsync("catalog", "v1"), weft.RunBookshopAsync("catalog", "v2"));
        (await weft.WeftAsync("apply", "--wait", "-f", weft.Split(100, 0))).ShouldSucceed();
        var proxy = await weft.RunClientAsync("customers");

        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var load = LoadGenerator.RunAsync(
            new LoadOptions { Target = new Uri("http://catalog/books"), Proxy = proxy, Rate = 500, Connections = 50, Duration = TimeSpan.FromSeconds(60), Timeout = TimeSpan.FromSeconds(5) }, stop.Token);
        await Task.Delay(2000, TestContext.Current.CancellationToken);
        foreach (var (v1, v2) in new[] { (90, 10), (0, 100) })
        {
            var applied = (await weft.WeftAsync("apply", "--wait", "-f", weft.Split(v1, v2))).ShouldSucceed();
            output.WriteLine($"{v1}/{v2}: {applied.Out}");
            var milliseconds = int.Parse(AcknowledgedWithin().Match(applied.Out).Groups[1].Value, CultureInfo.InvariantCulture);
            milliseconds.ShouldBeLessThan(1000);
            await Task.Delay(2000, TestContext.Current.CancellationToken);
        }
        await stop.CancelAsync();
        var report = await load;
        output.WriteLine(ReportText.Table(report));
        report.Requests.ShouldBeGreaterThan(2000);
        report.Failed.ShouldBe(0, ReportText.Table(report));

        // Acknowledged means active: from here on nobody sees v1.
        using var http = new HttpClient(new SocketsHttpHandler { Proxy = new System.Net.WebProxy(proxy) });
        for (var i = 0; i < 20; i++)
            (await http.GetStringAsync("http://catalog/books", TestContext.Current.CancellationToken)).ShouldContain("\"version\":\"v2\"");
    }

    [Fact(Timeout = 180_000)]
    public async Task Curl_alone_moves_from_the_bookshop_to_a_python_file_server_and_sees_no_failure()
    {
        Tool.Require("curl", "curl");
        var python = Tool.Require("python3", "python3");
        await using var weft = new Installation();
        await weft.StartControlAsync();
        var files = Directory.CreateDirectory(Path.Combine(weft.Data, "files")).FullName;
        await File.WriteAllTextAsync(Path.Combine(files, "books"), "{\"version\":\"python\"}", TestContext.Current.CancellationToken);
        var port = Ports.Free().ToString(CultureInfo.InvariantCulture);
        await Task.WhenAll(
            weft.RunBookshopAsync("catalog", "v1"),
            weft.RunAsync(["--service", "catalog", "--port", port, "--version", "v2"], python, "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", files));
        (await weft.WeftAsync("apply", "--wait", "-f", weft.Split(100, 0))).ShouldSucceed();

        // One shell under weft run: curl finds the way by http_proxy alone, and stops at the first failure.
        var answers = Path.Combine(weft.Data, "answers");
        var shopper = await weft.RunAsync(["--service", "shopper"], "sh", "-c", $"while curl -sS --fail http://catalog/books >>{answers} && echo >>{answers}; do sleep 0.02; done; echo FAILED");
        foreach (var (v1, v2) in new[] { (90, 10), (0, 100) })
        {
            await Task.Delay(2000, TestContext.Current.CancellationToken);
            (await weft.WeftAsync("apply", "--wait", "-f", weft.Split(v1, v2))).ShouldSucceed();
        }
        await Task.Delay(2000, TestContext.Current.CancellationToken);
        shopper.HasEnded.ShouldBeFalse(shopper.Log);
        shopper.Log.ShouldNotContain("FAILED");
        var lines = await File.ReadAllLinesAsync(answers, TestContext.Current.CancellationToken);
        lines.First().ShouldContain("\"version\":\"v1\"");
        lines[^2].ShouldBe("{\"version\":\"python\"}");
        output.WriteLine($"{lines.Length} answers, {lines.Count(l => l.Contains("python", StringComparison.Ordinal))} of them by python");
    }

    [GeneratedRegex(@"acknowledged within (\d+) ms")]
    private static partial Regex AcknowledgedWithin();
}
