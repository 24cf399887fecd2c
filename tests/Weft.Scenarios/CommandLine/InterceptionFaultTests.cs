using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.CommandLine;

/// <summary>
/// <c>weft intercept install</c> in a network namespace of the test, with a real weft-proxy and an application that has connections open through it: the proxy is killed, and the rules are removed, under them. Every
/// address is the namespace's own; the proxy is told by its group.
/// </summary>
public sealed class InterceptionFaultTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Install = "install --no-dns --exclude-gid 1337";

    /// <summary>A table of its own kind, and a chain that translates addresses beside ours.</summary>
    private const string OfOthers = """
        table ip others {
            chain output {
                type nat hook output priority -100; policy accept;
                tcp dport 9 counter redirect to :10
            }
        }
        table inet filter {
            set weft { type ipv4_addr; elements = { 192.0.2.9 } }
            chain input {
                type filter hook input priority 0; policy accept;
                ip saddr @weft drop
            }
        }
        """;

    /// <summary>Repeats what it gets; 192.0.2.1:8080 is it, as every address is.</summary>
    private const string Server = """
        import socket, threading
        def serve(c):
            try:
                while data := c.recv(100): c.sendall(data)
            except OSError: pass
        s = socket.create_server(("0.0.0.0", 8080), backlog=100)
        print("listening")
        while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
        """;

    /// <summary>Does what it is told, a line at a time. Knows of no proxy.</summary>
    private const string Application = """
        import collections, socket, sys, time, urllib.request
        held = []
        def connect():
            c = socket.create_connection(("192.0.2.1", 8080), 5)
            c.sendall(b"hello")
            if c.recv(5) != b"hello": raise EOFError
            return c
        def outcome(do):
            try: return do() or "ok"
            except OSError as e: return type(e).__name__
        def echo(c):
            c.sendall(b"again")
            return "ok" if c.recv(5) == b"again" else "ended"
        def fate(c):
            return "data" if c.recv(5) else "ended"
        def all(do):
            results = collections.Counter(outcome(lambda: do(c)) for c in held)
            return " ".join(f"{k} {v}" for k, v in results.items())
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            began = time.monotonic()
            if word == "open":
                held = [connect() for _ in range(int(rest))]
                answer = f"ok {len(held)}"
            elif word == "echo": answer = all(echo)
            elif word == "fate": answer = all(fate)
            elif word == "connect": answer = outcome(lambda: connect().close())
            elif word == "get": answer = outcome(lambda: urllib.request.urlopen(rest, timeout=5).read().decode().replace("\n", "|"))
            print(f"{answer};{(time.monotonic() - began) * 1000:.0f}")
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-intercept-").FullName;
    private readonly List<Process> _processes = [];
    private string _place = "";
    private Process _application = null!;
    private Process _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("nft", "nftables");
        Tool.Require("ip", "iproute2");
        var holder = Process.Start(new ProcessStartInfo("unshare", ["-n", "sleep", "300"]) { UseShellExecute = false })!;
        _processes.Add(holder);
        _place = $"/proc/{holder.Id}/ns/net";
        var own = File.ResolveLinkTarget("/proc/self/ns/net", false)!.Name;
        while (File.ResolveLinkTarget(_place, false)!.Name == own) await Task.Delay(10);
        await ShellAsync("ip link set lo up && ip route add local default dev lo src 127.0.0.1");
        var python = Tool.Require("python3", "python3");
        (await Inside(python, "-u", "-c", Server).StandardOutput.ReadLineAsync()).ShouldBe("listening");
        _application = Inside(python, "-u", "-c", Application);
        await StartProxyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_killed_proxy_resets_what_is_open_and_refuses_what_is_new_at_once_and_carries_it_again_when_it_is_back()
    {
        await ShellAsync($"nft -f - <<'END'\n{OfOthers}\nEND");
        var before = await RulesetAsync();
        await InterceptAsync(Install);
        (await AskAsync("open 10")).Answer.ShouldBe("ok 10");
        (await AskAsync("echo")).Answer.ShouldBe("ok 10");
        (await CarriedAsync()).ShouldBe(10);

        _proxy.Kill();
        await _proxy.WaitForExitAsync(TestContext.Current.CancellationToken);
        var open = await AskAsync("fate");
        var fresh = await AskAsync("connect");
        open.Answer.ShouldBe("ConnectionResetError 10");
        fresh.Answer.ShouldBe("ConnectionRefusedError");
        output.WriteLine($"10 open connections were reset within {open.Ms} ms after the proxy's end, a new one was refused within {fresh.Ms} ms");
        (open.Ms + fresh.Ms).ShouldBeLessThan(2000, "nothing hangs");

        await StartProxyAsync();
        (await AskAsync("open 10")).Answer.ShouldBe("ok 10");
        (await CarriedAsync()).ShouldBe(10);
        (await ShellAsync($"nft list table ip others; nft list table inet filter")).ShouldBe(before, "what others have is byte for byte the same");
    }

    [Fact(Timeout = 60_000)]
    public async Task Removed_rules_leave_open_connections_to_whoever_else_translates_and_end_them_by_reset_where_nobody_does()
    {
        // The kernel translates packets of known connections only while some chain of type nat is there.
        await InterceptAsync(Install);
        (await AskAsync("open 5")).Answer.ShouldBe("ok 5");
        await InterceptAsync("remove");
        (await RulesetAsync()).ShouldBe("");
        (await AskAsync("echo")).Answer.ShouldBe("ConnectionResetError 5");
        (await AskAsync("connect")).Answer.ShouldBe("ok");

        // Rules that exclude everything: nothing new comes to the proxy, and what is open stays.
        await InterceptAsync(Install);
        (await AskAsync("open 5")).Answer.ShouldBe("ok 5");
        var carried = await CarriedAsync();
        await InterceptAsync($"{Install} --exclude-range 0.0.0.0/0 --exclude-range ::/0");
        (await AskAsync("connect")).Answer.ShouldBe("ok");
        (await AskAsync("echo")).Answer.ShouldBe("ok 5");
        (await CarriedAsync()).ShouldBe(carried, "the new one went past the proxy");
        await InterceptAsync("remove");

        await ShellAsync($"nft -f - <<'END'\n{OfOthers}\nEND");
        var before = await RulesetAsync();
        await InterceptAsync(Install);
        (await AskAsync("open 5")).Answer.ShouldBe("ok 5");
        await InterceptAsync("remove");
        (await AskAsync("echo")).Answer.ShouldBe("ok 5");
        (await RulesetAsync()).ShouldBe(before);
    }

    /// <summary>One transparent listener for bytes, as user root and group 1337; it listens when this returns.</summary>
    private async Task StartProxyAsync()
    {
        var file = Path.Combine(_folder, "bootstrap.yaml");
        await File.WriteAllTextAsync(file, """
            admin: { address: { socket_address: { address: 127.0.0.1, port_value: 15000 } } }
            static_resources:
              listeners:
              - name: transparent
                traffic_direction: OUTBOUND
                address: { socket_address: { address: 0.0.0.0, port_value: 15001 } }
                listener_filters:
                - name: envoy.filters.listener.original_dst
                  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst }
                filter_chains:
                - filters:
                  - name: envoy.filters.network.tcp_proxy
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: all, cluster: anywhere }
              clusters:
              - { name: anywhere, type: ORIGINAL_DST, lb_policy: CLUSTER_PROVIDED, connect_timeout: 5s }
            """);
        _proxy = Inside("setpriv", "--regid", "1337", "--clear-groups", Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Proxy/release/weft-proxy"), "--bootstrap", file, "--drain-seconds", "0");
        _proxy.BeginErrorReadLine();
        await Installation.Eventually(async () => (await AskAsync("get http://127.0.0.1:15000/ready")).Answer.Contains("LIVE", StringComparison.Ordinal), "the proxy is ready");
    }

    /// <summary>Open connections that the proxy carries.</summary>
    private async Task<int> CarriedAsync()
    {
        var metrics = (await AskAsync("get http://127.0.0.1:15000/metrics")).Answer.Split('|');
        return int.Parse(metrics.Single(l => l.StartsWith("weft_accepted_connections ", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);
    }

    private async Task<(string Answer, int Ms)> AskAsync(string line)
    {
        await _application.StandardInput.WriteLineAsync(line);
        await _application.StandardInput.FlushAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var answer = await _application.StandardOutput.ReadLineAsync(limit.Token) ?? throw new EndOfStreamException("the application ended");
        var end = answer.LastIndexOf(';');
        return (answer[..end], int.Parse(answer[(end + 1)..], CultureInfo.InvariantCulture));
    }

    private Process Inside(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo("nsenter", [$"--net={_place}", program, .. arguments])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = program == "setpriv",
        })!;
        _processes.Add(process);
        return process;
    }

    private async Task InterceptAsync(string words) => await ToEndAsync(Installation.Weft, ["intercept", .. words.Split(' '), "--netns", _place]);

    private Task<string> RulesetAsync() => ShellAsync("nft list ruleset");

    private Task<string> ShellAsync(string line) => ToEndAsync("nsenter", [$"--net={_place}", "sh", "-c", $"PATH=$PATH:/usr/sbin; {line}"]);

    private static async Task<string> ToEndAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var (said, error) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        await process.WaitForExitAsync(limit.Token);
        process.ExitCode.ShouldBe(0, $"{program} {string.Join(' ', arguments)}\n{await said}{await error}");
        return await said;
    }
}
