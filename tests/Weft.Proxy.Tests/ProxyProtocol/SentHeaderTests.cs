using System.Net;
using System.Text;
using Shouldly;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Tests.Pipelines;
using Weft.Routing.Listeners;
using Xunit;

namespace Weft.Proxy.Tests.ProxyProtocol;

/// <summary>PROXY headers that the proxy writes to endpoints, over real sockets.</summary>
public sealed class SentHeaderTests
{
    private static string Announcing(string version) =>
        $"{{\"transport_socket\": {{\"name\": \"proxy\", \"typed_config\": {{\"@type\": \"type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport\", \"config\": {{\"version\": \"{version}\"}}, "
        + "\"transport_socket\": {\"name\": \"raw\", \"typed_config\": {\"@type\": \"type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer\"}}}}}";

    /// <summary>Reads a header off each connection and answers every request with the client that the header names.</summary>
    private static ScriptedBackend Telling() => new(async c =>
    {
        var header = await ReadHeaderAsync(c);
        while (await c.ReadRequestAsync() is not null)
        {
            var text = $"{header.Source} -> {header.Destination}";
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });

    private static async Task<ProxyHeader> ReadHeaderAsync(ScriptedBackend.Connection connection)
    {
        var bytes = new List<byte>();
        while (true)
        {
            switch (ProxyHeaderReader.Read([.. bytes], ProxyProtocolVersions.Both, 4096, out var header, out _, out var reason))
            {
                case ProxyHeaderStatus.Valid: return header;
                case ProxyHeaderStatus.NeedMore: bytes.AddRange(Encoding.Latin1.GetBytes(await connection.ReadBytesAsync(1))); break;
                default: throw new IOException($"no header: {reason}");
            }
        }
    }

    [Theory]
    [InlineData("V1")]
    [InlineData("V2")]
    public async Task A_connection_is_announced_for_its_client_and_serves_nobody_else(string version)
    {
        await using var backend = Telling();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], Announcing(version)).Listen(ProxyUnderTest.RouteAll());
        using var first = await RawClient.ConnectAsync(proxy.Address);
        using var second = await RawClient.ConnectAsync(proxy.Address, from: IPAddress.Parse("127.0.0.9"));
        for (var round = 0; round < 3; round++)
        {
            foreach (var client in new[] { first, second })
            {
                await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                (await client.ReadResponseAsync()).Body.ShouldBe($"{client.Socket.LocalEndPoint} -> {proxy.Address}");
            }
        }
        backend.Connections.ShouldBe(2); // and each goes on with its own
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Bytes_are_announced_too()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            var header = await ReadHeaderAsync(c);
            await c.SendAsync($"{header.Source} says {await c.ReadToEndAsync()}");
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], Announcing("V1")).ListenBytes();
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("hello");
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe($"{client.Socket.LocalEndPoint} says hello");
    }

    [Fact]
    public async Task An_announced_connection_that_its_client_leaves_is_closed_soon()
    {
        await using var backend = Telling();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], Announcing("V2")).Listen(ProxyUnderTest.RouteAll());
        using (var client = await RawClient.ConnectAsync(proxy.Address))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        var state = proxy.Endpoints("backend").Single().State;
        for (var left = 200; state.ActiveConnections > 0 && left > 0; left--) await Task.Delay(50, TestContext.Current.CancellationToken);
        state.ActiveConnections.ShouldBe(0); // after 5 s, where a shared one would stay for an hour
    }
}
