using System.Globalization;
using Shouldly;
using Weft.LoadTest;
using Weft.LoadTest.Reports;
using Xunit;

namespace Weft.Scenarios.CommandLine;

/// <summary>What goes wrong, and what that costs.</summary>
public sealed class FaultTests(ITestOutputHelper output)
{
    private const string TenMistakes = """
        apiVersion: v1
        kind: Service
        metadata:
          name: Catalog_1            # 1
        spec:
          selektor: {app: catalog}   # 2
          ports:
            - {name: http, port: 80000}    # 3
            - {port: 81, protokol: TCP}    # 4
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: catalog}
        spec:
          parentRefs:
            - {group: "", kind: Service, name: catalog}
          rules:
            - matches:
                - path: {type: Prefix, value: /books}        # 5
              backendRefs:
                - {name: catalog-v1, port: 80, wieght: 90}   # 6
                - {name: catalog-v2, port: 80, weight: -1}   # 7
              timeouts: {request: 10 seconds}                # 8
        ---
        apiVersion: weft.dev/v1alpha1
        kind: Mesh
        metadata: {name: default}
        spec:
          mtls: strict       # 9
        ---
        apiVersion: apps/v1
        kind: Deployment     # 10
        metadata: {name: x}
        ---
        apiVersion: v1
        kind: Namespace
        metadata: {name: innocent}
        """;

    [Fact(Timeout = 60_000)]
    public async Task Ten_mistakes_are_ten_lines_and_change_nothing()
    {
        await using var weft = new Installation();
        await weft.StartControlAsync();
        var before = await StateAsync(weft);
        var file = weft.Write("mistakes.yaml", TenMistakes);
        var expected = TenMistakes.Split('\n').Select((text, i) => (text, Line: i + 1)).Where(l => l.text.Contains('#')).Select(l => l.Line).ToList();
        expected.Count.ShouldBe(10);

        var offline = await weft.WeftAsync("validate", "-f", file);
        var applied = await weft.WeftAsync("apply", "-f", file);
        offline.Code.ShouldBe(1);
        applied.Code.ShouldBe(1);
        Lines(offline.Out, file).ShouldBe(expected);
        Lines(applied.Error, file).ShouldBe(expected, "the control plane says what the offline check says");
        applied.Error.ShouldContain("10 errors; nothing was changed");
        (await StateAsync(weft)).ShouldBe(before);
        output.WriteLine(applied.Error);
    }

    [Fact(Timeout = 180_000)]
    public async Task Without_its_control_plane_the_mesh_goes_on_and_it_heals_when_that_returns()
    {
        await using var weft = new Installation();
        var control = await weft.StartControlAsync();
        await Task.WhenAll(weft.RunBookshopAsync("catalog", "v1"), weft.RunBookshopAsync("catalog", "v2"));
        (await weft.WeftAsync("apply", "--wait", "-f", weft.Split(100, 0))).ShouldSucceed();
        var proxy = await weft.RunClientAsync("customers");
        using var stop = new CancellationTokenSource();
        var load = StartLoad(proxy, stop.Token);
        await Task.Delay(2000, TestContext.Current.CancellationToken);

        control.Signal("-KILL");
        await Installation.Eventually(() => Task.FromResult(control.HasEnded), "the control plane is gone");
        (await weft.WeftAsync("stat")).Code.ShouldBe(3);
        await Task.Delay(17_000, TestContext.Current.CancellationToken); // longer than a Lease lives: nobody expires while nobody could renew

        await weft.StartControlAsync();
        await Installation.Eventually(async () => (await weft.ProxiesAsync()).Count(p => (string?)p["state"] == "acked") == 3, "every proxy is back");
        (await weft.WeftAsync("apply", "--wait", "-f", weft.Split(0, 100))).ShouldSucceed();
        await Task.Delay(6000, TestContext.Current.CancellationToken); // every Lease is renewed or would be missed now
        await stop.CancelAsync();
        var report = await load;
        output.WriteLine(ReportText.Table(report));
        report.Failed.ShouldBe(0, ReportText.Table(report));
        using var http = new HttpClient(new SocketsHttpHandler { Proxy = new System.Net.WebProxy(proxy) });
        (await http.GetStringAsync("http://catalog/books", TestContext.Current.CancellationToken)).ShouldContain("\"version\":\"v2\"");
    }

    [Theory(Timeout = 180_000)]
    [InlineData("application")]
    [InlineData("sidecar")]
    [InlineData("weft run")]
    public async Task A_killed_instance_costs_no_idempotent_request_while_another_is_up(string victim)
    {
        await using var weft = new Installation();
        await weft.StartControlAsync();
        var runs = await Task.WhenAll(weft.RunBookshopAsync("catalog"), weft.RunBookshopAsync("catalog"));
        var proxy = await weft.RunClientAsync("customers");
        using var stop = new CancellationTokenSource();
        var load = StartLoad(proxy, stop.Token);
        await Task.Delay(3000, TestContext.Current.CancellationToken);

        var run = runs[0].Id;
        var process = victim switch
        {
            "application" => Child(run, "bookshop"),
            "sidecar" => Child(run, "weft-proxy"),
            _ => run,
        };
        (await weft.ShellAsync($"kill -9 {process}")).ShouldSucceed();
        await Task.Delay(4000, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        var report = await load;
        output.WriteLine(ReportText.Table(report));
        report.Requests.ShouldBeGreaterThan(2000);
        report.Failed.ShouldBe(0, ReportText.Table(report));
    }

    [Fact(Timeout = 180_000)]
    public async Task A_sidecar_that_a_native_fault_ended_comes_back_from_its_disk_while_the_control_plane_is_away()
    {
        await using var weft = new Installation();
        var control = await weft.StartControlAsync();
        var run = await weft.RunBookshopAsync("catalog");
        var proxy = await weft.RunClientAsync("customers");
        using var http = new HttpClient(new SocketsHttpHandler { Proxy = new System.Net.WebProxy(proxy) });
        (await http.GetStringAsync("http://catalog/books", TestContext.Current.CancellationToken)).ShouldNotBeEmpty();
        await Installation.Eventually(() => Task.FromResult(Directory.GetFiles(weft.Data, "config.cache", SearchOption.AllDirectories).Length == 2), "both configurations are saved");
        control.Signal("-KILL");
        await Installation.Eventually(() => Task.FromResult(control.HasEnded), "the control plane is gone");

        var victim = Child(run.Id, "weft-proxy");
        // The runtime's handler takes the default action and waits for the fault to come again, as a real one does. A signal from outside has to be sent again.
        (await weft.ShellAsync($"kill -SEGV {victim} && sleep 0.2 && kill -SEGV {victim}")).ShouldSucceed();

        await Installation.Eventually(async () =>
        {
            try
            {
                return (await http.GetAsync("http://catalog/books")).IsSuccessStatusCode && Child(run.Id, "weft-proxy") != victim;
            }
            catch (InvalidOperationException)
            {
                return false; // between two lives there is no such child
            }
        }, "it serves again");
        run.Log.ShouldContain("the sidecar ended with 139; starting it again");
    }

    private static Task<LoadReport> StartLoad(Uri proxy, CancellationToken stop) => LoadGenerator.RunAsync(new LoadOptions
    {
        Target = new Uri("http://catalog/books"), Proxy = proxy, Rate = 500, Connections = 50, Duration = TimeSpan.FromSeconds(90), Timeout = TimeSpan.FromSeconds(5),
    }, stop);

    /// <summary>Objects that a person wrote or could have written; what the control plane notes for itself does not count.</summary>
    private static async Task<string> StateAsync(Installation weft) =>
        string.Concat(await Task.WhenAll(new[] { "namespaces", "meshes", "services", "httproutes" }.Select(async kind => (await weft.WeftAsync("get", kind, "-A", "-o", "yaml")).Out
            .Split('\n').Where(l => !l.Contains("resourceVersion", StringComparison.Ordinal)).Aggregate("", (a, b) => a + b + "\n"))));

    private static IReadOnlyList<int> Lines(string text, string file) =>
        [.. text.Split('\n').Where(l => l.StartsWith(file + ":", StringComparison.Ordinal) && l.Contains(": error ", StringComparison.Ordinal)).Select(l => int.Parse(l[(file.Length + 1)..].Split(':')[0], CultureInfo.InvariantCulture))];

    /// <summary>The child of a process that runs this program, by PPid and Name of proc(5).</summary>
    private static int Child(int parent, string program) =>
        Directory.GetDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])).Where(d =>
        {
            try
            {
                var status = File.ReadAllText(d + "/status");
                return status.Contains($"\nPPid:\t{parent}\n", StringComparison.Ordinal) && status.StartsWith($"Name:\t{program}\n", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return false; // it has just ended
            }
        }).Select(d => int.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture)).Single();
}
