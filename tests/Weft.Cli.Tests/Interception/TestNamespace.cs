using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Cli.Tests.Interception;

/// <summary>A network namespace that lives as long as the test, in which every address is its own: what is not redirected reaches a server there too, and says so.</summary>
internal sealed class TestNamespace : IAsyncDisposable
{
    private static readonly string s_weft = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Cli/release/weft");
    private readonly List<Process> _processes = [];

    private TestNamespace(Process holder)
    {
        _processes.Add(holder);
        Location = $"/proc/{holder.Id}/ns/net";
    }

    /// <summary>File that stands for it.</summary>
    public string Location { get; }

    public int Holder => _processes[0].Id;

    public static async Task<TestNamespace> CreateAsync()
    {
        if (Environment.UserName != "root") Assert.Skip("needs root: it makes network namespaces");
        Tool.Require("ip", "iproute2");
        var place = new TestNamespace(Process.Start(new ProcessStartInfo("unshare", ["-n", "sleep", "1000"]) { UseShellExecute = false })!);
        var own = File.ResolveLinkTarget("/proc/self/ns/net", false)!.Name;
        while (File.ResolveLinkTarget(place.Location, false)!.Name == own) await Task.Delay(10);
        await place.ShellAsync("ip link set lo up && ip route add local default dev lo src 127.0.0.1 && ip -6 route add local default dev lo");
        return place;
    }

    /// <summary>Runs a shell's line there; it must succeed.</summary>
    public async Task<string> ShellAsync(string line)
    {
        var (code, output, error) = await RunAsync("nsenter", [$"--net={Location}", "sh", "-c", line]);
        code.ShouldBe(0, $"{line}\n{output}{error}");
        return output;
    }

    /// <summary><c>weft intercept WORDS --netns</c> this one.</summary>
    public Task<(int Code, string Out, string Error)> InterceptAsync(string words) =>
        RunAsync(s_weft, ["intercept", .. words.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--netns", Location]);

    /// <summary>
    /// Servers on these ports, all addresses of both families, that answer with the port that took the connection and the destination that it was made to: "15001 for 192.0.2.1:80".
    /// The ports 53 and 15053 take datagrams as well.
    /// </summary>
    public async Task ServeAsync(params int[] ports)
    {
        var server = Process.Start(new ProcessStartInfo("nsenter", [$"--net={Location}", Tool.Require("python3", "python3"), "-u", "-c", Server, .. ports.Select(p => p.ToString(CultureInfo.InvariantCulture))])
        {
            UseShellExecute = false, RedirectStandardOutput = true,
        })!;
        _processes.Add(server);
        (await server.StandardOutput.ReadLineAsync()).ShouldBe("listening");
    }

    /// <summary>What is answered at each of these places, as <c>tcp/192.0.2.1/80</c>; an error's name where nothing is.</summary>
    /// <param name="user">User that asks.</param>
    public async Task<string[]> AskAsync(string[] places, int user = 0)
    {
        var (code, output, error) = await RunAsync("nsenter", [$"--net={Location}", Tool.Require("python3", "python3"), "-c", Client, user.ToString(CultureInfo.InvariantCulture), .. places]);
        code.ShouldBe(0, error);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Everything that nft knows there.</summary>
    public Task<string> RulesetAsync() => ShellAsync("PATH=$PATH:/usr/sbin nft list ruleset");

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    internal static async Task<(int Code, string Out, string Error)> RunAsync(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>User 65534 once it has its ports, as a proxy should be. SO_ORIGINAL_DST is option 80 of either level (linux/netfilter_ipv4.h).</summary>
    private const string Server = """
        import os, socket, struct, sys, threading
        def listener(family, kind, port):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind(("", port))
            return s
        def original(c):
            if c.family == socket.AF_INET:
                port, address = struct.unpack("!2xH4s8x", c.getsockopt(socket.SOL_IP, 80, 16))
            else:
                port, address = struct.unpack("!2xH4x16s4x", c.getsockopt(socket.IPPROTO_IPV6, 80, 28))
            return f"{socket.inet_ntop(c.family, address)}:{port}"
        def streams(s, port):
            while True:
                c, _ = s.accept()
                try: to = original(c)
                except OSError: to = None # no translation is loaded
                local = "%s:%d" % c.getsockname()[:2]
                c.sendall((f"{port} for {to}" if to not in (None, local) else f"{port} directly").encode())
                c.close()
        def datagrams(s, port):
            # IPv4 is answered from the address that was asked, which the kernel tells and takes back (IP_PKTINFO is 8).
            if s.family == socket.AF_INET: s.setsockopt(socket.SOL_IP, 8, 1)
            while True:
                _, asked, _, client = s.recvmsg(512, 64)
                s.sendmsg([f"{port} by udp".encode()], asked, 0, client)
        threads = []
        for port in map(int, sys.argv[1:]):
            for family in socket.AF_INET, socket.AF_INET6:
                s = listener(family, socket.SOCK_STREAM, port)
                s.listen()
                threads.append(threading.Thread(target=streams, args=(s, port)))
                if port in (53, 15053): threads.append(threading.Thread(target=datagrams, args=(listener(family, socket.SOCK_DGRAM, port), port)))
        os.setuid(65534)
        for t in threads: t.start()
        print("listening")
        """;

    private const string Client = """
        import errno, os, socket, sys
        os.setuid(int(sys.argv[1]))
        for place in sys.argv[2:]:
            protocol, host, port = place.split("/")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            s = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
            s.settimeout(5)
            try:
                s.connect((host, int(port)))
                if protocol == "udp": s.send(b"?")
                print(s.recv(512).decode())
            except OSError as e: print(errno.errorcode.get(e.errno, e))
        """;
}
