using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 9113 section 6.9.1, the receiving side: clients that send more than they may, while the endpoint takes nothing and no window opens for it.</summary>
public sealed class OverrunTests
{
    private const int FrameBytes = 16384;

    [Fact]
    public async Task DATA_beyond_a_streams_window_is_a_flow_control_error()
    {
        await using var backend = Deaf();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync(Requests.Post(1));
        var sent = await FloodAsync(client, _ => 1);
        (client.Stream(1).Reset ?? client.GoAway!.Value.Code).ShouldBe(RawCode.FlowControlError);
        sent.ShouldBeLessThan(16 << 20, "the kernels' buffers, and a window");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task DATA_beyond_the_connections_window_is_a_flow_control_error()
    {
        await using var backend = Deaf();
        // One connection: all requests but the first wait for it, and their bodies with them.
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], "{\"circuit_breakers\": {\"thresholds\": [{\"max_connections\": 1}]}}").Listen(ProxyUnderTest.RouteAll());
        using var client = await Http2Peer.ConnectAsync(proxy.Address);
        await client.SendAsync([.. Enumerable.Range(0, 90).Select(i => Requests.Post(1 + (2 * i)))]);
        // Each stream stays within its own window: 90 times 128 KiB.
        await FloodAsync(client, frame => 1 + (2 * (frame % 90)), frames: 90 * 8);
        client.GoAway.ShouldNotBeNull().Code.ShouldBe(RawCode.FlowControlError);
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>Octets that were sent until the proxy objected.</summary>
    private static async Task<long> FloodAsync(Http2Peer client, Func<int, int> stream, int frames = 4096)
    {
        bool Objected(Http2Peer p) => p.IsClosed || p.GoAway is not null || p.Streams.Values.Any(s => s.Reset is not null);
        long sent = 0;
        for (var frame = 0; frame < frames && !Objected(client); frame++, sent += FrameBytes)
        {
            await client.SendAsync(RawFrame.Data(stream(frame), new byte[FrameBytes]));
            if (client.Socket.Available > 0) await client.UntilAsync(p => p.Socket.Available == 0 || p.IsClosed);
        }
        await client.UntilAsync(Objected);
        return sent;
    }

    /// <summary>Reads a head and nothing more.</summary>
    private static ScriptedBackend Deaf() => new(async c =>
    {
        c.Socket.ReceiveBufferSize = 4096;
        await c.ReadHeadAsync();
        await Task.Delay(30_000);
    });
}
