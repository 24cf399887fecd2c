using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Cli.Tests.Running;

/// <summary><c>weft run</c> as a process among processes.</summary>
public sealed class RunTests
{
    [Fact]
    public async Task The_applications_exit_code_and_output_are_those_of_weft_run()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var (code, output, error) = await mesh.RunToEndAsync(["--service", "job"], "sh", "-c", "echo out; echo err >&2; exit 7");
        code.ShouldBe(7);
        output.ShouldBe("out\n");
        error.ShouldContain("err\n");
        (await mesh.RunToEndAsync(["--service", "job"], "sh", "-c", "kill -9 $$")).Code.ShouldBe(128 + 9);
    }

    [Fact]
    public async Task Calls_are_led_through_the_sidecar_and_nothing_is_excepted_and_else_the_environment_is_that_of_weft_run()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var run = mesh.Run(["--service", "job", "--port", "18931"], ["sh", "-c", "echo $http_proxy $HTTP_PROXY ${no_proxy-unset} ${NO_PROXY-unset} $PORT $GIVEN ${WEFT_COMMAND-unset}"],
            new Dictionary<string, string> { ["no_proxy"] = "localhost", ["NO_PROXY"] = "*", ["GIVEN"] = "kept", ["WEFT_COMMAND"] = "./weft" });
        var words = (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!.Split(' ');
        words[0].ShouldMatch(@"^http://127\.0\.0\.1:\d+$");
        words[1].ShouldBe(words[0]);
        words[2..].ShouldBe(["unset", "unset", "18931", "kept", "unset"]);
    }

    [Fact]
    public async Task A_broken_pipe_ends_the_application_as_it_would_without_weft()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var (_, output, _) = await mesh.RunToEndAsync(["--service", "job"], "cat", "/proc/self/status");
        var ignored = Convert.ToUInt64(output.Split('\n').Single(l => l.StartsWith("SigIgn:", StringComparison.Ordinal)).Split('\t')[1], 16);
        (ignored & (1UL << 12)).ShouldBe(0UL);
    }

    [Theory]
    [InlineData("-TERM")]
    [InlineData("-INT")]
    [InlineData("-HUP")]
    [InlineData("-QUIT")]
    [InlineData("-USR1")]
    public async Task A_signal_reaches_the_application_and_its_answer_to_it_comes_back(string signal)
    {
        await using var mesh = await FakeMesh.StartAsync();
        var trap = $"trap 'echo got{signal}; exit 3' {signal[1..]}; echo ready; while :; do sleep 0.05; done";
        var run = mesh.Run(["--service", "server"], ["sh", "-c", trap]);
        (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("ready");
        FakeMesh.Signal(run.Id, signal);
        (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("got" + signal);
        (await FakeMesh.ExitAsync(run)).ShouldBe(3);
        (await mesh.WorkloadsAsync()).ShouldBeEmpty();
        (await mesh.CountAsync("/apis/coordination.k8s.io/v1/namespaces/default/leases")).ShouldBe(0);
        mesh.ProxyEvents.ShouldContain(e => e.StartsWith("drained", StringComparison.Ordinal));
        Directory.GetFileSystemEntries(Path.Combine(mesh.Data, "run")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_workload_takes_requests_once_its_port_is_open_and_stops_taking_them_before_the_application_is_told_to_end()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var python = Tool.Require("python3", "python3");
        var (port, go) = (Ports.Free(), Path.Combine(mesh.Folder, "go"));
        var seen = Path.Combine(mesh.Folder, "seen");
        var server = $"""
            import os, signal, socket, time, urllib.request
            def end(*_):
                direct = urllib.request.build_opener(urllib.request.ProxyHandler(dict()))
                with open("{seen}", "wb") as f: f.write(direct.open(os.environ["API"] + "/apis/weft.dev/v1alpha1/namespaces/default/workloads").read())
                os._exit(0)
            signal.signal(signal.SIGTERM, end)
            while not os.path.exists("{go}"): time.sleep(0.02)
            s = socket.create_server(("127.0.0.1", {port}))
            while True: time.sleep(0.05)
            """;
        var api = (string)System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(mesh.Data, "control.json"), TestContext.Current.CancellationToken))!["api"]!;
        var run = mesh.Run(["--service", "server", "--version", "v2", "--port", $"{port}", "--label", "team=shop"], [python, "-c", server], new Dictionary<string, string> { ["API"] = "http://" + api });

        await FakeMesh.Eventually(async () => (await mesh.WorkloadsAsync()).Count == 1, "the workload is registered");
        Health(await mesh.WorkloadsAsync()).ShouldBe("Unhealthy");
        (await mesh.GetAsync("/api/v1/namespaces/default/services/server-v2"))["spec"]!["selector"]!["version"]!.ToString().ShouldBe("v2");
        await File.WriteAllTextAsync(go, "", TestContext.Current.CancellationToken);
        await FakeMesh.Eventually(async () => Health(await mesh.WorkloadsAsync()) == "Healthy", "the workload takes requests");
        var workload = (await mesh.WorkloadsAsync())[0];
        workload["metadata"]!["labels"]!["team"]!.ToString().ShouldBe("shop");
        (await mesh.GetAsync($"/apis/coordination.k8s.io/v1/namespaces/default/leases/{workload["metadata"]!["name"]}"))["spec"]!["leaseDurationSeconds"]!.GetValue<int>().ShouldBe(15);

        FakeMesh.Signal(run.Id, "-TERM");
        (await FakeMesh.ExitAsync(run)).ShouldBe(0);
        (await File.ReadAllTextAsync(seen, TestContext.Current.CancellationToken)).ShouldContain("\"health\":\"Draining\"");
    }

    [Fact]
    public async Task Killed_without_a_chance_to_clean_up_it_leaves_no_process_and_the_next_run_removes_its_files()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var run = mesh.Run(["--service", "server"], ["sh", "-c", "echo $$; while :; do sleep 0.05; done"]);
        var application = int.Parse((await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!);
        var proxy = mesh.ProxyProcess;
        FakeMesh.Signal(run.Id, "-KILL");
        await FakeMesh.Eventually(() => !FakeMesh.IsAlive(application) && !FakeMesh.IsAlive(proxy), "application and sidecar end with weft run");

        var folder = Path.Combine(mesh.Data, "run");
        Directory.GetDirectories(folder).Length.ShouldBe(1);
        (await mesh.WorkloadsAsync()).Count.ShouldBe(1);
        (await mesh.RunToEndAsync(["--service", "server"], "true")).Code.ShouldBe(0);
        Directory.GetDirectories(folder).ShouldBeEmpty();
        (await mesh.WorkloadsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_a_run_cannot_take_back_because_the_control_plane_is_away_the_next_one_does()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var run = mesh.Run(["--service", "server"], ["sh", "-c", "echo ready; while :; do sleep 0.05; done"]);
        (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("ready");
        await mesh.StopControlAsync();
        FakeMesh.Signal(run.Id, "-TERM");
        (await FakeMesh.ExitAsync(run)).ShouldBe(128 + 15);
        var left = Directory.GetDirectories(Path.Combine(mesh.Data, "run")).ShouldHaveSingleItem();
        Directory.GetFileSystemEntries(left).Select(Path.GetFileName).ShouldBe(["owner"], "no key and no token stays behind");

        await mesh.StartControlAsync();
        (await mesh.WorkloadsAsync()).Count.ShouldBe(1);
        (await mesh.RunToEndAsync(["--service", "server"], "true")).Code.ShouldBe(0);
        (await mesh.WorkloadsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_signal_during_the_start_ends_it_and_the_application_is_never_started()
    {
        await using var mesh = await FakeMesh.StartAsync("import time; time.sleep(60)");
        var run = mesh.Run(["--service", "server"], ["echo", "started"]);
        await mesh.ProxyIsReadyAsync();
        FakeMesh.Signal(run.Id, "-INT");
        (await FakeMesh.ExitAsync(run)).ShouldBe(128 + 2);
        (await run.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).ShouldBeEmpty();
        Directory.GetFileSystemEntries(Path.Combine(mesh.Data, "run")).ShouldBeEmpty();
        FakeMesh.IsAlive(mesh.ProxyProcess).ShouldBeFalse();
    }

    [Fact]
    public async Task A_dead_sidecar_is_started_again_beside_the_same_application()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var run = mesh.Run(["--service", "server"], ["sh", "-c", "echo $$; while :; do sleep 0.05; done"]);
        var application = int.Parse((await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!);
        for (var i = 0; i < 2; i++)
        {
            var proxy = mesh.ProxyProcess;
            FakeMesh.Signal(proxy, "-KILL");
            await FakeMesh.Eventually(() => mesh.ProxyProcess != proxy, "another sidecar starts");
        }
        FakeMesh.IsAlive(application).ShouldBeTrue();
        run.HasExited.ShouldBeFalse();
    }

    [Fact]
    public async Task A_sidecar_that_cannot_start_is_an_error_with_the_end_of_its_log_and_the_application_is_not_started()
    {
        await using var mesh = await FakeMesh.StartAsync("print('the reason', file=sys.stderr); sys.exit(1)");
        var (code, output, error) = await mesh.RunToEndAsync(["--service", "server"], "echo", "started");
        code.ShouldBe(ExitCode.Failed);
        output.ShouldBeEmpty();
        error.ShouldContain("the sidecar ended with 1 before it was ready");
        error.ShouldContain("the reason");
        (await mesh.WorkloadsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_the_sidecar_had_to_say_is_shown_with_a_failure_of_the_application_that_it_may_explain()
    {
        await using var mesh = await FakeMesh.StartAsync("print('refused a connection: service db.default has no port 1', file=sys.stderr)");
        const string said = "the end of its sidecar's log:\n  refused a connection: service db.default has no port 1\n";
        foreach (var (code, shown) in new[] { (56, true), (0, false), (130, false) })
        {
            var (ended, _, error) = await mesh.RunToEndAsync(["--service", "job"], "sh", "-c", $"exit {code}");
            ended.ShouldBe(code);
            error.Contains($"weft: sh ended with {code}; {said}", StringComparison.Ordinal).ShouldBe(shown, error);
        }
    }

    [Fact]
    public async Task What_cannot_work_is_refused_before_anything_is_started()
    {
        await using var mesh = await FakeMesh.StartAsync();
        var missing = await mesh.RunToEndAsync(["--service", "server"], "no-such-command");
        missing.Code.ShouldBe(ExitCode.NotFound);
        missing.Error.ShouldContain("no-such-command: command not found");

        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var taken = await mesh.RunToEndAsync(["--service", "server", "--port", $"{port}"], "true");
        taken.Code.ShouldBe(ExitCode.Failed);
        taken.Error.ShouldContain($"port {port} is in use");

        var invalid = await mesh.RunToEndAsync(["--service", "Not_A_Name"], "true");
        invalid.Code.ShouldBe(ExitCode.Usage);
        invalid.Error.ShouldStartWith("weft: --service: \"Not_A_Name\" is no name of a service: ");

        var text = await mesh.RunToEndAsync(["--service", "server", "--port", "80x"], "true");
        text.Code.ShouldBe(ExitCode.Usage);
        text.Error.ShouldBe("weft: --port: \"80x\" is no port (1 to 65535)\n");

        var folder = await mesh.RunToEndAsync(["--service", "server"], "/");
        folder.Code.ShouldBe(ExitCode.CannotExecute);
        folder.Error.ShouldBe("weft: /: is a folder\n");
        mesh.ProxyEvents.ShouldBeEmpty();
    }

    private static string Health(IReadOnlyList<System.Text.Json.Nodes.JsonNode> workloads) => workloads.Single()["spec"]!["health"]!.ToString();

}
