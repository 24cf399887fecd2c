using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.TestSupport;
using Xunit;
using LocalPorts = Weft.TestSupport.Ports;

namespace Weft.Scenarios.CommandLine;

/// <summary><c>weft run --transparent</c> with everything real: a mesh, an HTTP service that says who calls it, and clients that have never heard of a proxy.</summary>
public sealed class TransparentTests(ITestOutputHelper output)
{
    /// <summary>Answers with the identity that the caller's certificate proves.</summary>
    private const string Server = """
        import http.server, os
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                body = ("hello " + self.headers.get("x-forwarded-client-cert", "somebody") + "\n").encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *_): pass
        http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
        """;

    [Fact(Timeout = 120_000)]
    public async Task Clients_that_know_of_no_proxy_reach_the_mesh_under_their_own_identity()
    {
        await using var weft = await MeshAsync();
        var node = Tool.Require("node", "nodejs");
        var busybox = Tool.Require("busybox", "busybox-static");
        string[][] clients =
        [
            [Python, "-c", "import urllib.request; print(urllib.request.urlopen('http://hello/').read().decode(), end='')"],
            [node, "-e", "fetch('http://hello/').then(r => r.text()).then(t => process.stdout.write(t))"],
            [busybox, "wget", "-q", "-O", "-", "http://hello.default.svc.cluster.local/"],
        ];
        foreach (var client in clients)
        {
            var finished = (await weft.WeftAsync(["run", "--service", "me", "--transparent", "--", .. client])).ShouldSucceed();
            finished.Out.ShouldMatch("^hello .*/sa/me.*\n$", $"{string.Join(' ', client)}\n{finished.Error}");
        }
    }

    [Fact(Timeout = 900_000)]
    public async Task A_batch_job_passes_its_exit_code_and_leaves_nothing_behind_whenever_it_is_killed()
    {
        await using var weft = await MeshAsync();
        var (processes, namespaces) = (weft.LeftProcesses(), NetworkNamespaces());
        var rounds = Environment.GetEnvironmentVariable("WEFT_LONG") == "1" ? 200 : 8;
        var chance = new Random(20_261_120);
        var (watch, jobs, killed) = (Stopwatch.StartNew(), TimeSpan.Zero, 0);
        for (var round = 0; round < rounds; round++)
        {
            var began = watch.Elapsed;
            if (round % 2 == 0)
            {
                var finished = await weft.WeftAsync("run", "--service", "job", "--transparent", "--", "sh", "-c", $"{Python} -c 'import urllib.request; urllib.request.urlopen(\"http://hello/\")' && exit 7");
                finished.Code.ShouldBe(7, finished.Error);
                jobs += watch.Elapsed - began;
                continue;
            }
            var run = weft.Start("run", "--service", "job", "--transparent", "--", "sh", "-c", "sleep 100 & while :; do sleep 0.1; done");
            await Task.Delay(chance.Next(0, 2000));
            run.HasEnded.ShouldBeFalse(run.Log);
            run.Signal("-KILL");
            await run.EndAsync();
            killed++;
        }
        await Installation.Eventually(() => Task.FromResult(weft.LeftProcesses().Count == processes.Count), $"nothing is left but {string.Join(", ", processes)}; there is {string.Join(", ", weft.LeftProcesses())}");
        await Installation.Eventually(() => Task.FromResult(NetworkNamespaces().IsSubsetOf(namespaces)), "no network namespace is left");
        var folders = Folders().Count;
        (await weft.WeftAsync("run", "--service", "job", "--transparent", "--", "true")).ShouldSucceed();
        Folders().ShouldHaveSingleItem().ShouldStartWith("hello-");
        output.WriteLine($"{rounds} rounds in {watch.Elapsed.TotalSeconds:0} s: {rounds - killed} jobs with exit code 7, {jobs.TotalMilliseconds / (rounds - killed):0} ms each with a request through the mesh; {killed} killed within two seconds; "
            + $"left: 0 processes, 0 namespaces; {folders - 1} folders until the next run, 0 after it");

        List<string> Folders() => [.. Directory.GetDirectories(Path.Combine(weft.Data, "run")).Select(f => Path.GetFileName(f))];
    }

    [Fact(Timeout = 120_000)]
    public async Task A_server_in_a_namespace_of_its_own_is_reached_through_its_sidecar_and_in_no_other_way()
    {
        await using var weft = await MeshAsync("--transparent");
        (await weft.WeftAsync("run", "--service", "me", "--transparent", "--", Python, "-c", "import urllib.request; print(urllib.request.urlopen('http://hello/').read().decode(), end='')")).ShouldSucceed().Out.ShouldContain("/sa/me");
        var proxy = (await weft.ProxiesAsync()).Single(p => p["service"]!.ToString() == "hello");
        proxy["bypassable"]!.GetValue<bool>().ShouldBeFalse();
        using var direct = new System.Net.Sockets.TcpClient();
        await Should.ThrowAsync<System.Net.Sockets.SocketException>(() => direct.ConnectAsync("127.0.0.1", proxy["inbound"]![0]!["port"]!.GetValue<int>()));
    }

    [Fact(Timeout = 120_000)]
    public async Task A_killed_sidecar_refuses_at_once_and_the_application_reaches_the_mesh_again_when_it_is_back()
    {
        await using var weft = await MeshAsync();
        var run = weft.Start("run", "--service", "me", "--transparent", "--", Python, "-u", "-c", """
            import socket, time, urllib.request
            address = socket.gethostbyname("hello")
            while True:
                began = time.monotonic()
                try: said = urllib.request.urlopen(f"http://{address}/", timeout=10).read().decode()[:5]
                except Exception as e: said = type(getattr(e, "reason", e)).__name__ # an answer that was cut is an HTTPException
                print(f"= {said} {(time.monotonic() - began) * 1000:.0f}")
                time.sleep(0.02)
            """);
        await Installation.Eventually(() => Task.FromResult(Said().Exists(l => l[1] == "hello")), "the mesh is reached", run);

        (await weft.ShellAsync($"for p in $(cat /proc/{run.Id}/task/*/children); do [ $(cat /proc/$p/comm) = weft-proxy ] && kill -9 $p; done; true")).ShouldSucceed();

        await Installation.Eventually(() => Task.FromResult(Said().Exists(l => l[1] == "ConnectionRefusedError")), "connections are refused", run);
        await Installation.Eventually(() => Task.FromResult(Said()[^1][1] == "hello"), "the mesh is reached again", run);
        run.Log.ShouldContain("starting it again");
        var failed = Said().Where(l => l[1] != "hello").ToList();
        failed.ShouldAllBe(l => int.Parse(l[2], CultureInfo.InvariantCulture) < 3000, "nothing hangs");
        output.WriteLine($"{failed.Count} connections failed, within {failed.Max(l => int.Parse(l[2], CultureInfo.InvariantCulture))} ms: {string.Join(", ", failed.Select(l => l[1]).Distinct())}");

        List<string[]> Said() => [.. run.Log.Split('\n').Where(l => l.StartsWith("= ", StringComparison.Ordinal)).Select(l => l.TrimEnd().Split(' ')).Where(l => l.Length == 3)];
    }

    private static string Python => Tool.Require("python3", "python3");

    private static async Task<Installation> MeshAsync(params string[] options)
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("nft", "nftables");
        var weft = new Installation();
        await weft.StartControlAsync();
        await weft.RunAsync(["--service", "hello", "--port", LocalPorts.Free().ToString(CultureInfo.InvariantCulture), .. options], Python, "-c", Server);
        return weft;
    }

    /// <summary>The namespaces that a process is in.</summary>
    private static HashSet<string> NetworkNamespaces()
    {
        var found = new HashSet<string>();
        foreach (var process in Directory.GetDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                if (File.ResolveLinkTarget(Path.Combine(process, "ns/net"), false) is { } link) found.Add(link.Name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // it has just ended
            }
        }
        return found;
    }
}
