using Envoy.Config.Core.V3;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>A CONNECT over HTTP/2 whose connection inside has ended, and whose client takes nothing: what was written waits for a window that never opens, and not for ever.</summary>
public sealed class ConnectLeavingTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ScriptedBackend Catalog() => ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncatalog");

    /// <param name="idle">How long a stream may be without progress.</param>
    private static ProxyUnderTest Proxy(ScriptedBackend backend, string idle = "0.5s") => new ProxyUnderTest { Direction = TrafficDirection.Inbound }
        .Cluster("catalog", [backend.Address]).Service("catalog.default:80", "catalog").ListenForward($"\"stream_idle_timeout\": \"{idle}\"");

    private static RawFrame Connect(int stream) => RawFrame.Headers(stream, RawHpack.Block([(":method", "CONNECT"), (":authority", "catalog:80")]), end: false);

    /// <summary>A client whose windows are shut from the start (SETTINGS_INITIAL_WINDOW_SIZE).</summary>
    private static Task<Http2Peer> ShutAsync(ProxyUnderTest proxy) => Http2Peer.ConnectAsync(proxy.Address, [(4, 0)]);

    [Theory]
    [InlineData("Connection: close\r\n", false)] // the proxy ends the connection inside
    [InlineData("", true)] // the client ends it
    public async Task A_stream_whose_end_is_not_taken_is_reset_after_the_streams_idle_time(string field, bool end)
    {
        await using var backend = Catalog();
        await using var proxy = Proxy(backend);
        using var client = await ShutAsync(proxy);

        await client.SendAsync(Connect(1), RawFrame.Data(1, $"GET / HTTP/1.1\r\nHost: catalog\r\n{field}\r\n", end));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        await client.UntilAsync(p => p.Stream(1).IsOver);

        (client.Stream(1).Reset, client.Stream(1).Body.Count).ShouldBe((RawCode.Cancel, 0));
        await client.ChangeSettingsAsync((4, 65535)); // the connection and its other streams have nothing to do with it
        await client.SendAsync(Connect(3), RawFrame.Data(3, "GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"));
        await client.UntilAsync(p => p.Stream(3).IsOver);
        client.Stream(3).Text.ShouldEndWith("catalog");
        client.Violations.ShouldBeEmpty();
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_client_that_takes_its_time_and_takes_is_given_all()
    {
        await using var backend = Catalog();
        await using var proxy = Proxy(backend, idle: "1s");
        using var client = await ShutAsync(proxy);

        await client.SendAsync(Connect(1), RawFrame.Data(1, "GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        for (var taken = 0; !client.Stream(1).IsOver; taken += 6)
        {
            await client.SendAsync(RawFrame.WindowUpdate(1, 6));
            await client.UntilAsync(p => p.Stream(1).Body.Count > taken || p.Stream(1).IsOver);
            await Task.Delay(150, Stop); // in all more than the idle time, and never so long without a byte
        }

        client.Stream(1).Text.ShouldEndWith("\r\n\r\ncatalog");
        (client.Stream(1).Ended, client.Violations.Count).ShouldBe((true, 0));
    }

    [Fact]
    public async Task A_drain_does_not_wait_for_it()
    {
        await using var backend = Catalog();
        await using var proxy = Proxy(backend);
        using var client = await ShutAsync(proxy);
        await client.SendAsync(Connect(1), RawFrame.Data(1, "GET / HTTP/1.1\r\nHost: catalog\r\n\r\n"));
        await client.UntilAsync(p => p.Stream(1).Status == 200);
        for (var i = 0; i < 400 && proxy.Requests().Count == 0; i++) await Task.Delay(10, Stop); // answered: the connection inside is idle, its answer not taken

        var reading = client.UntilAsync(p => p.IsClosed, TimeSpan.FromSeconds(30));
        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(40));
        await drain.WaitAsync(TimeSpan.FromSeconds(15), Stop);

        await reading;
        (client.Stream(1).Reset, client.GoAway!.Value.Code, client.GoAway.Value.LastStream).ShouldBe((RawCode.Cancel, RawCode.NoError, 1));
    }
}
