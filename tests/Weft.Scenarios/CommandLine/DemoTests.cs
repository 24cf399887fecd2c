using System.Diagnostics;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.CommandLine;

/// <summary>The first five minutes: <c>weft up --demo</c> and what it offers.</summary>
public sealed class DemoTests(ITestOutputHelper output)
{
    [Fact(Timeout = 240_000)]
    public async Task The_demo_serves_every_edge_over_mutual_tls_its_suggestions_work_and_nothing_is_left()
    {
        var openssl = Tool.Require("openssl", "openssl");
        Tool.Require("curl", "curl");
        await using var weft = new Installation();
        var watch = Stopwatch.StartNew();
        var up = weft.Start(["up", "--demo", .. weft.Ports]);
        await Installation.Eventually(() => Task.FromResult(up.Log.Contains("Try next", StringComparison.Ordinal)), "the demo serves", up);
        output.WriteLine($"serving after {watch.Elapsed.TotalSeconds:0.0} s");

        var stat = JsonNode.Parse((await weft.WeftAsync("stat", "-o", "json")).ShouldSucceed().Out)!;
        var edges = stat["edges"]!.AsArray();
        edges.Count.ShouldBeGreaterThanOrEqualTo(5);
        foreach (var edge in edges)
        {
            ((double)edge!["successRate"]!).ShouldBe(1, edge.ToJsonString());
            ((double)edge["mtlsShare"]!).ShouldBe(1, edge.ToJsonString());
            ((double)edge["requestsPerSecond"]!).ShouldBeGreaterThan(0);
        }
        string[] fields = ["requestsPerSecond", "successRate", "mtlsShare", "p50Ms", "p95Ms", "p99Ms"];
        edges[0]!.AsObject().Select(f => f.Key).ShouldBe(["from", "to", .. fields]);
        stat["services"]!.AsArray()[0]!.AsObject().Select(f => f.Key).ShouldBe(["name", .. fields]);

        foreach (var proxy in (await weft.ProxiesAsync()).Where(p => p["inbound"]!.AsArray().Count > 0)) await NoCertificateNoByteAsync(weft, openssl, proxy);

        foreach (var command in Suggestions(up.Log))
        {
            var finished = await weft.ShellAsync(command);
            output.WriteLine($"$ {command}\n{finished.Out}{finished.Error}");
            finished.ShouldSucceed();
        }

        (await weft.WeftAsync("down")).ShouldSucceed().Out.ShouldBe("Weft is down\n");
        await up.EndAsync();
        weft.LeftProcesses().ShouldBeEmpty();
        Directory.GetFileSystemEntries(Path.Combine(weft.Data, "run")).ShouldBeEmpty();
    }

    [Fact(Timeout = 120_000)]
    public async Task Killed_with_9_in_the_middle_of_its_start_the_demo_leaves_no_process()
    {
        await using var weft = new Installation();
        var up = weft.Start(["up", "--demo", .. weft.Ports]);
        await Installation.Eventually(async () => (await weft.WeftAsync("get", "workloads")).Out.Split('\n').Length > 3, "some of the demo is in the mesh", up);
        weft.LeftProcesses().Count.ShouldBeGreaterThan(6);
        up.Signal("-KILL");
        await Installation.Eventually(() => Task.FromResult(weft.LeftProcesses().Count == 0), "every process is gone");
    }

    [Fact(Timeout = 240_000)]
    public async Task Killed_and_started_again_on_the_same_folder_it_serves_as_if_for_the_first_time()
    {
        await using var weft = new Installation();
        var killed = weft.Start(["up", "--demo", .. weft.Ports]);
        await Installation.Eventually(() => Task.FromResult(killed.Log.Contains("Try next", StringComparison.Ordinal)), "the demo serves", killed);
        killed.Signal("-KILL");
        await Installation.Eventually(() => Task.FromResult(weft.LeftProcesses().Count == 0), "every run has ended with the demo");

        var up = weft.Start(["up", "--demo", .. weft.Ports]);
        await Installation.Eventually(() => Task.FromResult(up.Log.Contains("Try next", StringComparison.Ordinal)), "the demo serves again", up);
        foreach (var edge in JsonNode.Parse((await weft.WeftAsync("stat", "-o", "json")).ShouldSucceed().Out)!["edges"]!.AsArray())
            ((double)edge!["successRate"]!).ShouldBe(1, edge.ToJsonString());
        var workloads = (await weft.WeftAsync("get", "workloads")).ShouldSucceed().Out;
        output.WriteLine(workloads);
        var lines = workloads.TrimEnd('\n').Split('\n');
        lines.Length.ShouldBe(1 + 7, workloads);
        lines.Skip(1).ShouldAllBe(l => l.Contains(" Healthy ", StringComparison.Ordinal));
    }

    [Fact(Timeout = 60_000)]
    public async Task Detached_it_stays_after_the_command_and_goes_with_down()
    {
        await using var weft = new Installation();
        (await weft.WeftAsync(["up", "--detach", .. weft.Ports])).ShouldSucceed().Out.ShouldContain("Weft is up");
        var again = await weft.WeftAsync(["up", .. weft.Ports]);
        again.Code.ShouldBe(1);
        again.Error.ShouldContain("runs on");
        (await weft.WeftAsync("status")).ShouldSucceed();
        (await weft.WeftAsync("down")).ShouldSucceed();
        (await weft.WeftAsync("status")).Code.ShouldBe(3);
        (await weft.WeftAsync("down")).ShouldSucceed().Out.ShouldContain("no control plane runs");
        weft.LeftProcesses().ShouldBeEmpty();
    }

    /// <summary>A stranger without a certificate gets an alert (RFC 8446 section 6.2) and not one byte of HTTP.</summary>
    private static async Task NoCertificateNoByteAsync(Installation weft, string openssl, JsonNode proxy)
    {
        var port = proxy["inbound"]![0]!["listen"];
        var spoken = await weft.ShellAsync($"printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' | timeout 5 {openssl} s_client -alpn weft-h1 -connect 127.0.0.1:{port} -ign_eof 2>&1");
        spoken.Out.ShouldContain("alert");
        spoken.Out.ShouldNotContain("HTTP/1");
    }

    /// <summary>The indented lines below "Try next".</summary>
    private static IReadOnlyList<string> Suggestions(string log)
    {
        var lines = log.Split('\n').SkipWhile(l => !l.Contains("Try next", StringComparison.Ordinal)).Skip(1).TakeWhile(l => l.StartsWith("  ", StringComparison.Ordinal)).Select(l => l.Trim()).ToList();
        lines.Count.ShouldBe(3, log);
        return lines;
    }
}
