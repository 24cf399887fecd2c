using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Transport;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>Which endpoint a byte connection gets, and what becomes of one that gets none.</summary>
public sealed class DialTests
{
    private const string LeastRequest = "{\"lb_policy\": \"LEAST_REQUEST\"}";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Task EndedAsync(ProxyUnderTest proxy, Fault fault, int count = 1) => Eventually.TrueAsync(() => Task.FromResult(proxy.Ended(fault) == count));

    /// <summary>One connection: what it sends comes back.</summary>
    private static async Task EchoAsync(ProxyUnderTest proxy)
    {
        using var client = await TcpPeer.ConnectAsync(proxy.Address);
        await client.SendAsync("hello");
        (await client.ReadAsync(5)).ShouldBe("hello");
        client.End();
        (await client.ReadToEndAsync()).ShouldBe("");
    }

    [Fact]
    public async Task An_endpoint_that_refuses_costs_nobody_a_connection_while_another_takes_it()
    {
        using var live = new TcpServer().Echoing();
        using var dead = TcpServer.Refusing();
        using var deader = TcpServer.Refusing();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [dead.Address, live.Address, deader.Address]).ListenBytes("\"cluster\": \"backend\", \"max_connect_attempts\": 3");

        for (var i = 0; i < 12; i++) await EchoAsync(proxy);

        await EndedAsync(proxy, Fault.None, 12);
        proxy.Connections().Sum(c => c.Totals.Opened).ShouldBe(12);
        proxy.Endpoints("backend").Sum(e => e.State.Failures).ShouldBeGreaterThan(0, "round robin has met those that refuse");
        proxy.State("backend").Idle.ShouldBeTrue();
    }

    [Fact]
    public async Task Attempts_are_as_many_as_are_allowed_and_never_twice_at_one_endpoint()
    {
        using var dead = TcpServer.Refusing();
        using var deader = TcpServer.Refusing();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [dead.Address, deader.Address]).ListenBytes("\"cluster\": \"backend\", \"max_connect_attempts\": 5");
        (await TcpPeer.IsResetAsync(proxy.Address)).ShouldBeTrue();
        await EndedAsync(proxy, Fault.ConnectFailure);
        proxy.Endpoints("backend").Select(e => e.State.Requests).ShouldBe([1, 1]);

        proxy.ListenBytes("\"cluster\": \"backend\"");
        (await TcpPeer.IsResetAsync(proxy.Address)).ShouldBeTrue();
        await EndedAsync(proxy, Fault.ConnectFailure, 2);
        proxy.Endpoints("backend").Sum(e => e.State.Requests).ShouldBe(3);
        proxy.State("backend").Idle.ShouldBeTrue();
    }

    [Fact]
    public async Task What_the_client_sends_meanwhile_waits_for_the_endpoint()
    {
        using var hole = new BlackHole();
        using var live = new TcpServer();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [hole.Address, live.Address], "{\"connect_timeout\": \"0.5s\"}")
            .ListenBytes("\"cluster\": \"backend\", \"max_connect_attempts\": 2");

        using var first = await TcpPeer.ConnectAsync(proxy.Address);
        using var second = await TcpPeer.ConnectAsync(proxy.Address); // one of the two meets the hole first
        await first.SendAsync("first");
        await second.SendAsync("secnd");
        first.End();
        second.End();

        var got = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var server = await live.AcceptAsync();
            got.Add(await server.ReadToEndAsync());
        }
        got.Order().ShouldBe(["first", "secnd"]);
    }

    [Fact]
    public async Task An_endpoint_that_never_answers_is_given_up_after_the_connect_timeout()
    {
        using var hole = new BlackHole();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [hole.Address], "{\"connect_timeout\": \"0.3s\"}").ListenBytes("\"cluster\": \"backend\", \"max_connect_attempts\": 3");
        using var client = await TcpPeer.ConnectAsync(proxy.Address);
        await client.SendAsync("nobody reads this");
        (await client.IsResetAsync().WaitAsync(TimeSpan.FromSeconds(5), Stop)).ShouldBeTrue();
        await EndedAsync(proxy, Fault.ConnectTimeout);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_goes_away_meanwhile_leaves_nothing_behind(bool endsFirst)
    {
        using var hole = new BlackHole();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [hole.Address], "{\"connect_timeout\": \"30s\"}").ListenBytes();
        var client = await TcpPeer.ConnectAsync(proxy.Address);
        await Eventually.TrueAsync(() => Task.FromResult(proxy.State("backend").Connections.Active == 1));
        if (endsFirst)
        {
            await client.SendAsync("all that I have to say");
            await Task.Delay(50, Stop); // two events, not one
            client.End();
            await Task.Delay(50, Stop);
        }
        client.Reset();
        await EndedAsync(proxy, Fault.DownstreamClosed);
        proxy.State("backend").Idle.ShouldBeTrue();
        proxy.Endpoints("backend")[0].State.ActiveConnections.ShouldBe(0);
    }

    [Fact]
    public async Task Connections_go_where_the_fewest_are()
    {
        using var a = new TcpServer().Echoing();
        using var b = new TcpServer().Echoing();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [a.Address, b.Address], LeastRequest).ListenBytes();
        var held = new List<TcpPeer>();
        for (var i = 0; i < 20; i++)
        {
            held.Add(await TcpPeer.ConnectAsync(proxy.Address));
            await held[^1].SendAsync("x");
            await held[^1].ReadAsync(1);
        }
        proxy.Endpoints("backend").Select(e => e.State.ActiveRequests).ShouldBe([10, 10]);
        foreach (var peer in held) peer.Dispose();
        await EndedAsync(proxy, Fault.None, 20);
        proxy.Endpoints("backend").Select(e => e.State.ActiveRequests).ShouldBe([0, 0]);
    }

    [Fact]
    public async Task Connections_are_spread_over_clusters_by_weight()
    {
        using var a = new TcpServer().Echoing();
        using var b = new TcpServer().Echoing();
        await using var proxy = new ProxyUnderTest().Cluster("a", [a.Address]).Cluster("b", [b.Address])
            .ListenBytes("\"weighted_clusters\": {\"clusters\": [{\"name\": \"a\", \"weight\": 9}, {\"name\": \"b\", \"weight\": 1}]}");
        for (var i = 0; i < 100; i++) await EchoAsync(proxy);
        (proxy.Endpoints("a")[0].State.Requests + proxy.Endpoints("b")[0].State.Requests).ShouldBe(100);
        proxy.Endpoints("b")[0].State.Requests.ShouldBeInRange(1, 25); // 10, give or take five standard deviations
    }

    [Fact]
    public async Task A_cluster_takes_no_more_connections_than_its_limit()
    {
        using var server = new TcpServer().Echoing();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [server.Address], "{\"circuit_breakers\": {\"thresholds\": [{\"max_connections\": 1}]}}").ListenBytes();
        using var first = await TcpPeer.ConnectAsync(proxy.Address);
        await first.SendAsync("x");
        await first.ReadAsync(1);
        (await TcpPeer.IsResetAsync(proxy.Address)).ShouldBeTrue();
        await EndedAsync(proxy, Fault.CircuitOpen);
        first.Reset();
        await EndedAsync(proxy, Fault.DownstreamClosed);
        await EchoAsync(proxy); // there is room again
    }

    [Theory]
    [InlineData("backend", Fault.NoEndpoint)]
    [InlineData("unknown", Fault.InvalidBackend)]
    public async Task A_connection_that_leads_nowhere_is_reset_and_recorded_as_why(string cluster, Fault fault)
    {
        await using var proxy = new ProxyUnderTest().Cluster("backend", []).ListenBytes($"\"cluster\": \"{cluster}\"");
        (await TcpPeer.IsResetAsync(proxy.Address)).ShouldBeTrue();
        await EndedAsync(proxy, fault);
        var (edge, totals) = proxy.Connections().Single();
        (edge.Source, totals.Opened, totals.Active).ShouldBe(("default/me", 1, 0));
        proxy.Metric($"weft_tcp_connections_closed_total{{direction=\"outbound\",source=\"default/me\",destination=\"unknown\",destination_version=\"\",security=\"none\",fault=\"{fault.Describe().Code}\"}}").ShouldBe(1);
    }

    [Fact]
    public async Task A_drain_lets_connections_go_on_until_its_time_is_over_and_counts_those_it_has_ended()
    {
        using var server = new TcpServer().Echoing();
        await using var proxy = new ProxyUnderTest { Direction = Envoy.Config.Core.V3.TrafficDirection.Inbound }.Cluster("backend", [server.Address]).ListenBytes();
        using var ending = await TcpPeer.ConnectAsync(proxy.Address);
        using var staying = await TcpPeer.ConnectAsync(proxy.Address);
        foreach (var peer in new[] { ending, staying })
        {
            await peer.SendAsync("x");
            await peer.ReadAsync(1);
        }

        var drain = proxy.DrainAsync(TimeSpan.FromSeconds(2));
        for (var i = 0; i < 10; i++)
        {
            await staying.SendAsync("x");
            (await staying.ReadAsync(1)).ShouldBe("x");
            await Task.Delay(50, Stop);
        }
        ending.End();
        (await ending.ReadToEndAsync()).ShouldBe("");
        drain.IsCompleted.ShouldBeFalse();
        await drain.WaitAsync(TimeSpan.FromSeconds(10), Stop);

        (await staying.IsResetAsync()).ShouldBeTrue();
        (proxy.Ended(Fault.None), proxy.Ended(Fault.Draining)).ShouldBe((1, 1));
        proxy.Connections().Sum(c => c.Totals.ClosedByDrain).ShouldBe(1);
    }
}
