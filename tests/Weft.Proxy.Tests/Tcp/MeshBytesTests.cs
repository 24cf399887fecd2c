using System.Net;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Mesh;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>Bytes through two proxies with mutual TLS between them, and somebody who listens to the wire.</summary>
public sealed class MeshBytesTests
{
    private static readonly MeshPairOptions Bytes = new() { Bytes = true, CallerAlpn = ["weft-tcp"], CalledAlpn = ["weft-tcp"] };

    private static Task EndedAsync(Func<IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)>> connections, Fault fault) =>
        Eventually.TrueAsync(() => Task.FromResult(connections().Sum(c => c.Totals.Ends.TryGetValue(fault, out var durations) ? durations.Count : 0) == 1));

    [Fact]
    public async Task The_wire_between_them_shows_TLS_with_weft_tcp_and_nothing_of_what_is_said()
    {
        const string Secret = "the quick brown fox and its password";
        using var application = new TcpServer();
        await using var called = MeshPair.Start(Bytes, application.Address);
        using var tap = new Tap(called.Called());
        await using var caller = MeshPair.StartCaller(called.Authority, Bytes, tap.Address);

        using var client = await TcpPeer.ConnectAsync(caller.Caller);
        await client.SendAsync(Secret);
        using var server = await application.AcceptAsync();
        (await server.ReadAsync(Secret.Length)).ShouldBe(Secret);
        await server.SendAsync(Secret + Secret);
        (await client.ReadAsync(Secret.Length * 2)).ShouldBe(Secret + Secret);
        client.End();
        (await server.ReadToEndAsync()).ShouldBe("");
        await server.SendAsync("half closed");
        server.End();
        (await client.ReadToEndAsync()).ShouldBe("half closed");
        await EndedAsync(() => caller.CallerConnections, Fault.None);
        await EndedAsync(() => called.CalledConnections, Fault.None);

        var seen = tap.Seen;
        seen.Length.ShouldBeGreaterThan(1000);
        seen[..3].ShouldBe("\u0016\u0003\u0001", "a ClientHello");
        seen.ShouldContain("weft-tcp");
        foreach (var word in Secret.Split(' ').Where(w => w.Length > 4)) seen.ShouldNotContain(word);
        seen.ShouldNotContain("closed");

        var outbound = caller.CallerConnections.Single();
        (outbound.Edge.Direction, outbound.Edge.Security, outbound.Totals.ReceivedBytes, outbound.Totals.SentBytes)
            .ShouldBe((Direction.Outbound, ChannelSecurity.Mtls, Secret.Length, Secret.Length * 2 + 11));
        var inbound = called.CalledConnections.Single();
        (inbound.Edge.Direction, inbound.Edge.Security, inbound.Edge.Destination, inbound.Totals.ReceivedBytes).ShouldBe((Direction.Inbound, ChannelSecurity.Mtls, "default/called", Secret.Length));
    }

    [Fact]
    public async Task Twenty_megabytes_come_back_unchanged()
    {
        const int Total = 20 << 20;
        using var application = new TcpServer().Echoing();
        await using var pair = MeshPair.Start(Bytes, application.Address);
        using var client = await TcpPeer.ConnectAsync(pair.Caller);
        var sending = Task.Run(async () =>
        {
            var block = new byte[64 << 10];
            for (var sent = 0; sent < Total; sent += block.Length)
            {
                Array.Fill(block, (byte)(sent / block.Length * 7));
                await client.SendAsync(block);
            }
            client.End();
        });
        var received = 0;
        var into = new byte[64 << 10];
        while (await client.ReceiveAsync(into) is > 0 and var read)
        {
            for (var i = 0; i < read; i += 97) into[i].ShouldBe((byte)((received + i) / (64 << 10) * 7));
            received += read;
        }
        await sending;
        received.ShouldBe(Total);
    }

    [Fact]
    public async Task A_reset_of_the_application_is_a_reset_for_the_client_two_proxies_away()
    {
        using var application = new TcpServer();
        await using var pair = MeshPair.Start(Bytes, application.Address);
        using var client = await TcpPeer.ConnectAsync(pair.Caller);
        await client.SendAsync("x");
        using var server = await application.AcceptAsync();
        await server.ReadAsync(1);
        server.Reset();
        (await client.IsResetAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task An_instance_whose_application_is_not_there_resets_and_says_why()
    {
        using var application = TcpServer.Refusing();
        await using var pair = MeshPair.Start(Bytes, application.Address);
        (await TcpPeer.IsResetAsync(pair.Caller)).ShouldBeTrue();
        await EndedAsync(() => pair.CalledConnections, Fault.ConnectFailure);
    }

    [Fact]
    public async Task A_connection_ends_with_the_certificate_that_it_rests_on()
    {
        using var application = new TcpServer().Echoing();
        await using var pair = MeshPair.Start(Bytes with { CalledCertificateLife = TimeSpan.FromSeconds(4) }, application.Address);
        using var client = await TcpPeer.ConnectAsync(pair.Caller);
        await client.SendAsync("x");
        (await client.ReadAsync(1)).ShouldBe("x");
        (await client.IsResetAsync()).ShouldBeTrue(); // within the helper's patience, long before any other limit
        await Eventually.TrueAsync(() => Task.FromResult(pair.CallerConnections.Concat(pair.CalledConnections).Any(c => c.Totals.Ends.ContainsKey(Fault.MaxDuration))));
    }

    [Fact]
    public async Task A_peer_that_agrees_on_no_bytes_gets_none()
    {
        using var application = new TcpServer();
        // Its certificate is the mesh's, but all that it speaks is HTTP: bytes would be read as requests.
        await using var called = MeshPair.Start(new MeshPairOptions { CalledAlpn = ["weft-h2", "weft-h1"] }, application.Address);
        await using var caller = MeshPair.StartCaller(called.Authority, Bytes, called.Called());
        (await TcpPeer.IsResetAsync(caller.Caller, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).ShouldBeTrue();
        await EndedAsync(() => caller.CallerConnections, Fault.TlsFailure);
        called.CalledRequests.ShouldBeEmpty();
    }

    /// <summary>Passes bytes on between a proxy and another, and keeps a copy.</summary>
    private sealed class Tap : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly StringBuilder _seen = new(); // locked by itself

        public Tap(IPEndPoint target)
        {
            _listener.Start();
            _ = AcceptAsync(target);
        }

        public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

        public string Seen
        {
            get { lock (_seen) return _seen.ToString(); }
        }

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync(IPEndPoint target)
        {
            try
            {
                while (true)
                {
                    var near = await _listener.AcceptSocketAsync();
                    var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                    await far.ConnectAsync(target);
                    _ = PassAsync(near, far);
                    _ = PassAsync(far, near);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // the test is over
            }
        }

        private async Task PassAsync(Socket from, Socket to)
        {
            var block = new byte[65536];
            while (await from.ReceiveAsync(block) is > 0 and var read)
            {
                lock (_seen) _seen.Append(Encoding.Latin1.GetString(block, 0, read));
                for (var sent = 0; sent < read;) sent += await to.SendAsync(block.AsMemory(sent, read - sent));
            }
            to.Shutdown(SocketShutdown.Send);
        }
    }
}
