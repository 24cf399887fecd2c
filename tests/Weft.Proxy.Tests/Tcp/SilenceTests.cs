using System.Diagnostics;
using System.Globalization;
using System.Net;
using Envoy.Config.Core.V3;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Interception;
using Weft.Proxy.Tests.Pipelines;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>Half-open connections: the other side has vanished without FIN or reset. And what must not be taken for that.</summary>
public sealed class SilenceTests
{
    /// <summary>One second of silence, then two probes a second apart.</summary>
    private const int PatienceSeconds = 3;

    private const string Keepalive = "\"upstream_connection_options\": {\"tcp_keepalive\": {\"keepalive_time\": 1, \"keepalive_interval\": 1, \"keepalive_probes\": 2}}";

    private static readonly (long Level, long Name, long Value)[] KeepaliveOptions = [(1, 9, 1), (6, 4, 1), (6, 5, 1), (6, 6, 2)];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static void ProbeClients(Envoy.Config.Listener.V3.Listener listener) =>
        listener.SocketOptions.Add(KeepaliveOptions.Select(o => new SocketOption { Level = o.Level, Name = o.Name, IntValue = o.Value }));

    [Fact]
    public async Task Clients_that_vanish_are_given_up_within_the_setting_whether_they_are_owed_to_or_owe()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        using var server = new TcpServer();
        await using var proxy = new ProxyUnderTest { Direction = TrafficDirection.Inbound }.Cluster("backend", [server.Address]).ListenBytes(change: l =>
        {
            l.Metadata = NetworkNamespaceTests.WithNamespace(inside.Path);
            ProbeClients(l);
        });
        using var client = inside.Start(python, "-c", $"import socket, time\nc = [socket.create_connection(('127.0.0.1', {proxy.Address.Port})) for _ in range(2)]\nfor s in c: s.sendall(b'x')\ntime.sleep(100)");
        try
        {
            using var idle = await server.AcceptAsync();
            using var owed = await server.AcceptAsync();
            (await idle.ReadAsync(1), await owed.ReadAsync(1)).ShouldBe(("x", "x"));
            inside.Silence(proxy.Address.Port);
            var clock = Stopwatch.StartNew();
            await owed.SendAsync("nobody acknowledges this");

            await GivenUpAsync(idle, owed, clock);
            await EndedAsync(proxy, Fault.DownstreamClosed, "client", inside);
        }
        finally
        {
            client.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task Endpoints_that_vanish_are_given_up_within_the_setting_whether_they_are_owed_to_or_owe()
    {
        var python = Tool.Require("python3", "python3");
        using var inside = new TestNamespace();
        const int Port = 8000;
        using var server = inside.Start(python, "-u", "-c", $"import socket, time\ns = socket.create_server(('127.0.0.1', {Port}))\nprint('listening')\nc = []\nwhile True:\n  c.append(s.accept()[0]); c[-1].sendall(c[-1].recv(1))");
        try
        {
            (await server.StandardOutput.ReadLineAsync(Stop)).ShouldBe("listening");
            await using var proxy = new ProxyUnderTest().Cluster("backend", [new IPEndPoint(IPAddress.Loopback, Port)], $"{{{Keepalive}, \"metadata\": {{\"filter_metadata\": {{\"weft.dev\": {{\"network_namespace\": \"{inside.Path}\"}}}}}}}}").ListenBytes();
            using var idle = await TcpPeer.ConnectAsync(proxy.Address);
            using var owed = await TcpPeer.ConnectAsync(proxy.Address);
            foreach (var peer in new[] { idle, owed })
            {
                await peer.SendAsync("x");
                (await peer.ReadAsync(1)).ShouldBe("x");
            }
            inside.Silence(Port);
            var clock = Stopwatch.StartNew();
            await owed.SendAsync("nobody acknowledges this");

            await GivenUpAsync(idle, owed, clock);
            await EndedAsync(proxy, Fault.UpstreamReset, "endpoint", inside);
        }
        finally
        {
            server.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task Who_only_does_not_read_for_longer_than_that_is_waited_for_on_both_sides()
    {
        using var server = new TcpServer(receiveBuffer: 4096);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [server.Address], $"{{{Keepalive}}}").ListenBytes(change: ProbeClients);
        using var client = await TcpPeer.ConnectAsync(proxy.Address, receiveBuffer: 4096);
        using var accepted = await server.AcceptAsync();
        var much = new byte[16 << 20]; // more than all buffers on the way
        Random.Shared.NextBytes(much);
        var (up, down) = (client.SendAsync(much), accepted.SendAsync(much));

        await Task.Delay(TimeSpan.FromSeconds(2 * PatienceSeconds), Stop);
        (up.IsCompleted, down.IsCompleted).ShouldBe((false, false), "the kernels took it all: nobody was waited for");

        foreach (var reading in new[] { ReadAsync(accepted), ReadAsync(client) }) (await reading).AsSpan().SequenceEqual(much).ShouldBeTrue();
        await Task.WhenAll(up, down);
        Silent(proxy, "client").ShouldBe(0);
        Silent(proxy, "endpoint").ShouldBe(0);

        async Task<byte[]> ReadAsync(TcpPeer peer)
        {
            var all = new byte[much.Length];
            for (var length = 0; length < all.Length;)
            {
                var read = await peer.ReceiveAsync(all.AsMemory(length));
                if (read == 0) throw new EndOfStreamException(length.ToString(CultureInfo.InvariantCulture));
                length += read;
            }
            return all;
        }
    }

    [Fact]
    public async Task A_new_configuration_changes_how_long_a_listener_waits_for_those_who_connect_from_then_on()
    {
        using var server = new TcpServer().Echoing();
        var port = Ports.Free();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [server.Address]).ListenBytes(port: port);
        (await IsProbedAsync()).ShouldBeFalse();
        proxy.ListenBytes(port: port, change: ProbeClients);
        await Eventually.TrueAsync(IsProbedAsync);
        proxy.ListenBytes(port: port);
        await Eventually.TrueAsync(async () => !await IsProbedAsync());

        async Task<bool> IsProbedAsync()
        {
            using var client = await TcpPeer.ConnectAsync(proxy.Address);
            await client.SendAsync("x");
            await client.ReadAsync(1);
            using var ss = Process.Start(new ProcessStartInfo(Tool.Require("ss", "iproute2"), ["-tnoH", "state", "established", "sport", "=", $":{port}", "and", "dport", "=", $":{((IPEndPoint)client.Socket.LocalEndPoint!).Port}"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
            return (await ss.StandardOutput.ReadToEndAsync(Stop)).Contains("timer:(keepalive", StringComparison.Ordinal);
        }
    }

    private static async Task GivenUpAsync(TcpPeer idle, TcpPeer owed, Stopwatch clock)
    {
        (await Task.WhenAll(idle.IsResetAsync(), owed.IsResetAsync())).ShouldBe([true, true]);
        clock.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(PatienceSeconds + 4)); // one to find it out, the rest for a busy machine
    }

    private static async Task EndedAsync(ProxyUnderTest proxy, Fault fault, string side, TestNamespace inside)
    {
        await Eventually.TrueAsync(() => Task.FromResult(proxy.Ended(fault) == 2));
        Silent(proxy, side).ShouldBe(2);
        Silent(proxy, side == "client" ? "endpoint" : "client").ShouldBe(0);
        proxy.State("backend").Idle.ShouldBeTrue();
        // The kernel would go on sending what is owed, and an end behind it: whoever comes back would take that for all there was.
        (await inside.RunAsync(Tool.Require("ss", "iproute2"), "-tanH", "state", "fin-wait-1")).Output.ShouldBeEmpty();
    }

    private static double Silent(ProxyUnderTest proxy, string side) => proxy.Metric($"weft_connections_silent_total{{side=\"{side}\"}}");
}
