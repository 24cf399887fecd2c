using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Cli.Tests.Running;

/// <summary><c>weft run --transparent</c>: the namespace and its life, with a script in the proxy's place that listens where the node's metadata says.</summary>
public sealed class TransparentRunTests
{
    /// <summary>Opens 15001 and 15053 inside as the proxy does: setns on the thread that makes the socket, and back.</summary>
    private const string Listener = """
        import ctypes, socket, struct, threading
        node = json.load(open(options["--bootstrap"]))["node"]["metadata"]["weft.dev"]
        libc, here = ctypes.CDLL(None), os.open("/proc/self/ns/net", os.O_RDONLY)
        def inside(family, kind, port):
            if libc.setns(os.open(node["networkNamespace"], os.O_RDONLY), 0) != 0: raise OSError("setns")
            s = socket.socket(family, kind)
            libc.setns(here, 0)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind(("", port))
            if kind == socket.SOCK_STREAM: s.listen()
            return s
        def streams(s):
            while True:
                c, _ = s.accept()
                if c.family == socket.AF_INET: port, address = struct.unpack("!2xH4s8x", c.getsockopt(socket.SOL_IP, 80, 16))
                else: port, address = struct.unpack("!2xH4x16s4x", c.getsockopt(socket.IPPROTO_IPV6, 80, 28))
                c.sendall(f"tcp {socket.inet_ntop(c.family, address)} {port}\n".encode())
                c.close()
        def datagrams(s):
            while True: s.sendto(b"udp\n", s.recvfrom(512)[1])
        for family in socket.AF_INET, socket.AF_INET6:
            for port in node["transparentPort"], node["dnsPort"]:
                threading.Thread(target=streams, args=(inside(family, socket.SOCK_STREAM, port),), daemon=True).start()
            threading.Thread(target=datagrams, args=(inside(family, socket.SOCK_DGRAM, node["dnsPort"]),), daemon=True).start()
        """;

    /// <summary>An application that knows nothing of proxies.</summary>
    private const string Client = """
        import errno, socket, sys
        def ask(kind, host, port):
            s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
            s.settimeout(5)
            try:
                s.connect((host, port))
                if kind == socket.SOCK_DGRAM: s.send(b"?")
                print(s.recv(100).decode(), end="")
            except OSError as e: print(errno.errorcode[e.errno])
        ask(socket.SOCK_STREAM, "240.240.3.7", 80)
        ask(socket.SOCK_STREAM, "fd77:6566:7400::7", 443)
        ask(socket.SOCK_DGRAM, "127.0.0.53", 53)
        ask(socket.SOCK_DGRAM, "192.0.2.53", 53)
        ask(socket.SOCK_STREAM, "127.0.0.53", 53)
        ask(socket.SOCK_STREAM, "127.0.0.1", 4444)
        ask(socket.SOCK_DGRAM, "192.0.2.1", 443)
        sys.exit(7)
        """;

    [Fact]
    public async Task All_that_the_application_says_goes_to_the_sidecar_and_what_is_not_carried_fails_at_once()
    {
        await using var mesh = await StartAsync();
        var (code, output, error) = await mesh.RunToEndAsync(["--service", "job", "--transparent"], Tool.Require("python3", "python3"), "-c", Client);
        code.ShouldBe(7, error);
        output.ShouldBe("tcp 240.240.3.7 80\ntcp fd77:6566:7400::7 443\nudp\nudp\ntcp 127.0.0.53 53\nECONNREFUSED\nECONNREFUSED\n");
        (await mesh.RunToEndAsync(["--service", "job", "--transparent"], "sh", "-c", "echo ${http_proxy-unset}; ping -c 1 -W 1 192.0.2.1 >/dev/null 2>&1 && echo answered; wc -l < /proc/net/route")).Out
            .ShouldBe("unset\n1\n", "no proxy variable, no answer in the name of an address that is not there, no route out");
    }

    [Fact]
    public async Task An_application_that_listens_is_found_inside_and_the_same_port_outside_is_another()
    {
        await using var mesh = await StartAsync();
        var port = Ports.Free();
        using var outside = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, port);
        outside.Start();
        var go = Path.Combine(mesh.Folder, "go");
        var run = mesh.Run(["--service", "server", "--port", $"{port}", "--transparent"],
            [Tool.Require("python3", "python3"), "-c", $"import os, socket, time\nwhile not os.path.exists('{go}'): time.sleep(0.02)\ns = socket.create_server(('127.0.0.1', {port}))\ntime.sleep(1000)"]);
        await FakeMesh.Eventually(async () => (await mesh.WorkloadsAsync()).Count == 1, "the workload is registered");
        await Task.Delay(300);
        (await mesh.WorkloadsAsync())[0]["spec"]!["health"]!.ToString().ShouldBe("Unhealthy");
        await File.WriteAllTextAsync(go, "");
        await FakeMesh.Eventually(async () => (await mesh.WorkloadsAsync())[0]["spec"]!["health"]!.ToString() == "Healthy", "the workload takes requests");
        FakeMesh.Signal(run.Id, "-TERM");
        (await FakeMesh.ExitAsync(run)).ShouldBe(128 + 15);
    }

    [Fact]
    public async Task The_application_waits_for_a_sidecar_that_listens_inside_and_never_starts_without_one()
    {
        await using var mesh = await StartAsync("");
        var (code, output, error) = await mesh.RunToEndAsync(["--service", "job", "--transparent", "--start-timeout", "1s"], "echo", "started");
        code.ShouldBe(ExitCode.Failed);
        output.ShouldBeEmpty();
        error.ShouldContain("the sidecar was not ready within 1 s (--start-timeout): inside the application's namespace nothing listens on port 15001 (outbound: tcp to any address)");
        (await mesh.WorkloadsAsync()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("-TERM", 3)]
    [InlineData("-KILL", 128 + 9)]
    public async Task What_the_application_leaves_running_ends_with_the_run_however_that_ends(string signal, int code)
    {
        await using var mesh = await StartAsync();
        var run = mesh.Run(["--service", "job", "--transparent"], ["sh", "-c", "trap 'exit 3' TERM; setsid sleep 1000 & echo $!; readlink /proc/self/ns/net; wait; wait"]);
        var left = int.Parse((await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, CultureInfo.InvariantCulture);
        var place = (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!;
        place.ShouldNotBe(File.ResolveLinkTarget("/proc/self/ns/net", false)!.Name);
        FakeMesh.IsAlive(left).ShouldBeTrue();
        FakeMesh.Signal(run.Id, signal);
        (await FakeMesh.ExitAsync(run)).ShouldBe(code);
        await FakeMesh.Eventually(() => !FakeMesh.IsAlive(left) && LeftBy(mesh).Count == 0, "everything of the run has ended");
        InNamespace(place).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_dead_sidecar_listens_inside_again_when_it_has_been_restarted()
    {
        await using var mesh = await StartAsync();
        var run = mesh.Run(["--service", "job", "--transparent"], [Tool.Require("python3", "python3"), "-u", "-c", """
            import socket, time
            while True:
                try: print(socket.create_connection(("240.240.3.7", 80), 5).recv(100).decode(), end="")
                except OSError as e: print(type(e).__name__)
                time.sleep(0.05)
            """]);
        await ReadUntilAsync("tcp 240.240.3.7 80");
        FakeMesh.Signal(mesh.ProxyProcess, "-KILL");
        await ReadUntilAsync("ConnectionRefusedError");
        await ReadUntilAsync("tcp 240.240.3.7 80");

        async Task ReadUntilAsync(string line)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            while (await run.StandardOutput.ReadLineAsync(limit.Token) != line) { }
        }
    }

    [Fact]
    public async Task A_resolver_behind_a_unix_socket_is_not_asked_past_the_sidecar()
    {
        await using var mesh = await StartAsync();
        var python = Tool.Require("python3", "python3");
        var weft = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Cli/release/weft");
        // It closes whom it accepts, as a broken nscd does: a silent one would hold every look-up of a user on the machine for five seconds. The file has its name once somebody listens.
        const string server = "import os, signal, socket; signal.alarm(300); s = socket.socket(socket.AF_UNIX); s.bind('/run/nscd/new'); s.listen(); os.rename('/run/nscd/new', '/run/nscd/socket')\nwhile True: s.accept()[0].close()";
        const string connect = "import socket; s = socket.socket(socket.AF_UNIX)\ntry: s.connect('/run/nscd/socket'); print('asked')\nexcept OSError as e: print(type(e).__name__)";
        // A mount namespace of the test: the machine's /run stays as it is.
        var line = $"""
            mount -t tmpfs none /run && mkdir /run/nscd
            {python} -c "{server}" & server=$!
            while [ ! -S /run/nscd/socket ]; do sleep 0.02; done
            {python} -c "{connect}"
            WEFT_PROXY={mesh.Folder}/weft-proxy {weft} run --data {mesh.Data} --service job --transparent -- {python} -c "{connect}"
            {python} -c "{connect}"
            kill $server
            """;
        using var run = Process.Start(new ProcessStartInfo("unshare", ["-m", "sh", "-c", line]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        (await run.StandardOutput.ReadToEndAsync()).ShouldBe("asked\nConnectionRefusedError\nasked\n");
        await FakeMesh.ExitAsync(run);
    }

    [Fact]
    public async Task Without_the_capability_the_error_says_which_and_nothing_is_started()
    {
        await using var mesh = await StartAsync();
        var weft = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Cli/release/weft");
        using var run = Process.Start(new ProcessStartInfo("setpriv", ["--bounding-set=-sys_admin", weft, "run", "--data", mesh.Data, "--service", "job", "--transparent", "--", "true"]) { UseShellExecute = false, RedirectStandardError = true })!;
        (await run.StandardError.ReadToEndAsync()).ShouldContain("weft run --transparent needs CAP_SYS_ADMIN");
        (await FakeMesh.ExitAsync(run)).ShouldBe(ExitCode.Failed);
        mesh.ProxyEvents.ShouldBeEmpty();
    }

    private static Task<FakeMesh> StartAsync(string proxy = Listener)
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("nft", "nftables");
        return FakeMesh.StartAsync(proxy);
    }

    /// <summary>Processes that name this mesh's folders, but for its control plane: sidecars, stubs, the shell that waits.</summary>
    private static List<string> LeftBy(FakeMesh mesh) =>
        [.. Processes().Select(p => (p.Id, Line: Read(p.Id, "cmdline"), Variables: Read(p.Id, "environ"))).Where(p => p.Variables.Contains($"WEFT_PROXY={mesh.Folder}", StringComparison.Ordinal))
            .Select(p => $"{p.Id} {p.Line.Replace('\0', ' ')}")];

    private static List<int> InNamespace(string place) => [.. Processes().Where(p => p.Namespace == place).Select(p => p.Id)];

    private static IEnumerable<(int Id, string? Namespace)> Processes() =>
        Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(n => char.IsAsciiDigit(n![0])).Select(n => int.Parse(n!, CultureInfo.InvariantCulture)).Select(id => (id, NamespaceOf(id)));

    private static string? NamespaceOf(int id)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{id}/ns/net", false)?.Name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
