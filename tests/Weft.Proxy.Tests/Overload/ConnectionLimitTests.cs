using Shouldly;
using Weft.Proxy.Overload;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Tcp;
using Xunit;
using HttpVersion = System.Net.HttpVersion;

namespace Weft.Proxy.Tests.Overload;

public sealed class ConnectionLimitTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Fact]
    public void A_limit_serves_refuses_and_pauses_and_does_not_flap()
    {
        var limit = new ConnectionLimit(100);
        for (var i = 0; i < 100; i++) limit.Add();
        limit.IsExceeded.ShouldBeFalse();
        limit.MayAccept(out _).ShouldBeTrue();
        for (var i = 0; i < 8; i++) limit.Add();
        limit.IsExceeded.ShouldBeTrue();
        limit.MayAccept(out var closes).ShouldBeFalse("eight are accepted to be refused, no more");
        closes.ShouldBeTrue();
        limit.MayAccept(out closes).ShouldBeFalse();
        closes.ShouldBeFalse("it is said once");
        for (var i = 0; i < 13; i++) limit.Remove();
        limit.MayAccept(out _).ShouldBeFalse("95 are open");
        limit.Remove();
        limit.MayAccept(out _).ShouldBeTrue();
    }

    [Theory]
    [InlineData(512, 172)]
    [InlineData(1024, 403)]
    [InlineData(100, 16)]
    public void Default_leaves_a_descriptor_for_each_connections_other_end(long descriptors, long connections)
    {
        SystemLimits.DefaultConnections(descriptors).ShouldBe(connections);
        if (descriptors >= 512) new[] { connections + Math.Max(8, connections / 20) }.ShouldAllBe(c => c + connections < descriptors - 100);
    }

    [Fact]
    public async Task Connections_over_the_limit_are_told_so_and_those_within_it_are_served()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest(limits: new OverloadSettings { MaxConnections = 2 }).Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var first = await Served(proxy);
        using var second = await Served(proxy);

        using var third = await RawClient.ConnectAsync(proxy.Address);
        await third.SendAsync(Get);
        var refused = await third.ReadResponseAsync();
        (refused.Status, refused["x-weft-fault"], refused["retry-after"], refused["connection"]).ShouldBe((503, "overloaded", "1", "close"));
        refused.Body.ShouldContain("all 2 connections that it may have (--max-connections)");
        (await third.IsEndedAsync()).ShouldBeTrue();
        using (var http = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact })
        {
            using var answer = await http.GetAsync(new Uri($"http://{proxy.Address}/"), TestContext.Current.CancellationToken);
            ((int)answer.StatusCode, answer.Version).ShouldBe((503, HttpVersion.Version20));
            answer.Headers.GetValues("retry-after").ShouldBe(["1"]);
        }

        await first.SendAsync(Get);
        (await first.ReadResponseAsync()).Status.ShouldBe(200);
        second.Dispose();
        await Eventually.TrueAsync(async () =>
        {
            using var next = await RawClient.ConnectAsync(proxy.Address);
            await next.SendAsync(Get);
            return (await next.ReadResponseAsync()).Status == 200;
        });
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Far_more_connections_wait_their_turn_and_each_gets_it()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest(limits: new OverloadSettings { MaxConnections = 10 }).Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        var held = new List<RawClient>();
        for (var i = 0; i < 10; i++) held.Add(await Served(proxy));

        // Eight idle ones fill what there is for refusals; the next wait in the backlog.
        var silent = new List<RawClient>();
        for (var i = 0; i < 8; i++) silent.Add(await RawClient.ConnectAsync(proxy.Address));
        await Eventually.TrueAsync(() => Task.FromResult(proxy.Metric("weft_accepted_connections") == 18));
        using var waiting = await RawClient.ConnectAsync(proxy.Address);
        await waiting.SendAsync(Get);
        await Eventually.TrueAsync(() => Task.FromResult(proxy.Metric("weft_accept_pauses_total") > 0));
        proxy.Warnings.ShouldHaveSingleItem().ShouldContain("its limit is 10 (--max-connections)");

        foreach (var client in held.Concat(silent)) client.Dispose();
        (await waiting.ReadResponseAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_listener_may_have_a_limit_of_its_own()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest(limits: new OverloadSettings { MaxListenerConnections = 1 }).Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        using var first = await Served(proxy);
        using var second = await RawClient.ConnectAsync(proxy.Address);
        await second.SendAsync(Get);
        (await second.ReadResponseAsync()).Body.ShouldContain("the listener 'in' has all 1 connections that it may have (--max-listener-connections)");
    }

    [Fact]
    public async Task Connections_of_bytes_over_the_limit_are_reset_and_the_log_names_it_once()
    {
        using var server = new TcpServer().Echoing();
        await using var proxy = new ProxyUnderTest(limits: new OverloadSettings { MaxConnections = 2 }).Cluster("backend", [server.Address]).ListenBytes();
        var held = new List<TcpPeer>();
        for (var i = 0; i < 2; i++)
        {
            held.Add(await TcpPeer.ConnectAsync(proxy.Address));
            await held[i].SendAsync("x");
            await held[i].ReadAsync(1);
        }

        for (var i = 0; i < 5; i++) (await TcpPeer.IsResetAsync(proxy.Address)).ShouldBeTrue();

        proxy.Warnings.ShouldHaveSingleItem().ShouldContain("on 'in': this proxy has all 2 connections that it may have (--max-connections)");
        await Eventually.TrueAsync(() => Task.FromResult(proxy.Ended(Telemetry.Outcomes.Fault.Overloaded) == 5));
        (proxy.Metric("weft_overload_refused_total{limit=\"connections\"}"), proxy.Metric("weft_connections_refused_total{reason=\"limit\"}")).ShouldBe((5, 5));
        foreach (var peer in held) peer.Dispose();
    }

    private static async Task<RawClient> Served(ProxyUnderTest proxy)
    {
        var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Get);
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        return client;
    }
}
