using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Xunit;
using ClusterWeight = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Types.WeightedCluster.Types.ClusterWeight;

namespace Weft.Routing.Tests.Compile;

public sealed class ByteRouteCompilerTests
{
    private static Duration Seconds(double seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));

    private static Route Connect(Action<Route>? change = null)
    {
        var route = new Route
        {
            Match = new RouteMatch { ConnectMatcher = new() },
            Route_ = new RouteAction { Cluster = "c", UpgradeConfigs = { new RouteAction.Types.UpgradeConfig { UpgradeType = "CONNECT", ConnectConfig = new() } } },
        };
        change?.Invoke(route);
        return route;
    }

    private static Rejection Refused(Action<Route> change) => RouteCompiler.Compile(TestResources.Routes(Connect(change))).Rejections.ShouldHaveSingleItem();

    // ---- the filter

    [Fact]
    public void A_chain_of_tcp_proxy_has_bytes_and_no_HTTP_with_Envoys_defaults()
    {
        var chain = ListenerCompiler.Compile(TestResources.Listener(new TcpProxy { StatPrefix = "in", Cluster = "c" })).Value!.FilterChains.Single();

        chain.Http.ShouldBeNull();
        var bytes = chain.Bytes!;
        (bytes.Name, bytes.TotalWeight, bytes.IdleTimeout, bytes.MaxConnectAttempts, bytes.MaxConnectionDuration).ShouldBe(("in", 1u, TimeSpan.FromHours(1), 1, Timeout.InfiniteTimeSpan));
        bytes.Clusters.Select(c => (c.Name, c.Weight)).ShouldBe([("c", 1u)]);
    }

    [Fact]
    public void What_tcp_proxy_says_is_compiled()
    {
        var bytes = ListenerCompiler.Compile(TestResources.Listener(new TcpProxy
        {
            StatPrefix = "in",
            WeightedClusters = new() { Clusters = { new ClusterWeight { Name = "a", Weight = 3 }, new ClusterWeight { Name = "b", Weight = 1 } } },
            IdleTimeout = Seconds(0),
            MaxConnectAttempts = 3,
            MaxDownstreamConnectionDuration = Seconds(90),
        })).Value!.FilterChains.Single().Bytes!;

        bytes.Clusters.Select(c => (c.Name, c.Weight)).ShouldBe([("a", 3u), ("b", 1u)]);
        (bytes.TotalWeight, bytes.IdleTimeout, bytes.MaxConnectAttempts, bytes.MaxConnectionDuration).ShouldBe((4u, Timeout.InfiniteTimeSpan, 3, TimeSpan.FromSeconds(90)));
    }

    public static TheoryData<string, TcpProxy> BadProxies => new()
    {
        { "stat_prefix", new TcpProxy { Cluster = "c" } },
        { "", new TcpProxy { StatPrefix = "in" } },
        { "cluster", new TcpProxy { StatPrefix = "in", Cluster = "" } },
        { "weighted_clusters.clusters", new TcpProxy { StatPrefix = "in", WeightedClusters = new() } },
        { "weighted_clusters.clusters", new TcpProxy { StatPrefix = "in", WeightedClusters = new() { Clusters = { new ClusterWeight { Name = "a" } } } } },
        { "max_connect_attempts", new TcpProxy { StatPrefix = "in", Cluster = "c", MaxConnectAttempts = 0 } },
        { "idle_timeout", new TcpProxy { StatPrefix = "in", Cluster = "c", IdleTimeout = new Duration { Seconds = -1 } } },
        { "tunneling_config", new TcpProxy { StatPrefix = "in", Cluster = "c", TunnelingConfig = new() { Hostname = "x" } } },
        { "on_demand", new TcpProxy { StatPrefix = "in", Cluster = "c", OnDemand = new() } },
    };

    [Theory]
    [MemberData(nameof(BadProxies))]
    public void A_tcp_proxy_that_cannot_be_done_is_refused_by_the_name_of_its_field(string field, TcpProxy proxy)
    {
        const string At = "filter_chains[0].filters[0].typed_config";
        ListenerCompiler.Compile(TestResources.Listener(proxy)).Rejections.ShouldHaveSingleItem().Field.ShouldBe(field.Length == 0 ? At : $"{At}.{field}");
    }

    // ---- the route

    [Fact]
    public void A_route_that_ends_CONNECT_is_the_tables_bytes_and_no_route_of_requests()
    {
        var table = RouteCompiler.Compile(TestResources.Routes(Connect())).Value!;

        table.IsHttp.ShouldBeFalse();
        table.ClusterNames.ShouldBe(["c"]);
        var bytes = table.Bytes!.Any!;
        (bytes.Name, bytes.IdleTimeout, bytes.MaxConnectAttempts, bytes.MaxConnectionDuration).ShouldBe(("r", TimeSpan.FromHours(1), 1, Timeout.InfiniteTimeSpan));
    }

    [Fact]
    public void Routes_of_requests_beside_it_leave_both()
    {
        var table = RouteCompiler.Compile(TestResources.Routes(TestResources.Route("/", "http"), Connect())).Value!;

        (table.IsHttp, table.Bytes!.Any!.Clusters.Single().Name).ShouldBe((true, "c"));
        table.ClusterNames.ShouldBe(["c", "http"]);
    }

    [Fact]
    public void A_table_of_requests_alone_has_no_bytes()
    {
        var table = RouteCompiler.Compile(TestResources.Routes(TestResources.Route("/"))).Value!;

        (table.IsHttp, table.Bytes).ShouldBe((true, null));
    }

    [Fact]
    public void What_its_route_action_says_is_compiled()
    {
        var bytes = RouteCompiler.Compile(TestResources.Routes(Connect(r =>
        {
            r.Route_.WeightedClusters = new WeightedCluster { Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "a", Weight = 9 }, new WeightedCluster.Types.ClusterWeight { Name = "b", Weight = 1 } } };
            r.Route_.IdleTimeout = Seconds(30);
            r.Route_.MaxStreamDuration = new() { MaxStreamDuration_ = Seconds(60) };
            r.Route_.RetryPolicy = new RetryPolicy { RetryOn = "connect-failure", NumRetries = 2 };
        }))).Value!.Bytes!.Any!;

        (bytes.TotalWeight, bytes.IdleTimeout, bytes.MaxConnectAttempts, bytes.MaxConnectionDuration).ShouldBe((10u, TimeSpan.FromSeconds(30), 3, TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Retries_that_do_not_cover_connecting_are_no_attempts() =>
        RouteCompiler.Compile(TestResources.Routes(Connect(r => r.Route_.RetryPolicy = new RetryPolicy { RetryOn = "retriable-4xx", NumRetries = 2 }))).Value!.Bytes!.Any!.MaxConnectAttempts.ShouldBe(1);

    private static Action<Route> Named(string cluster, StringMatcher name, string filter = "weft.dev", string key = "requested_server_name") => r =>
    {
        r.Route_.Cluster = cluster;
        r.Match.DynamicMetadata.Add(new MetadataMatcher { Filter = filter, Path = { new MetadataMatcher.Types.PathSegment { Key = key } }, Value = new ValueMatcher { StringMatch = name } });
    };

    [Fact]
    public void Of_routes_by_server_name_the_first_that_takes_it_has_the_connection()
    {
        var table = RouteCompiler.Compile(TestResources.Routes(
            Connect(Named("exact", new StringMatcher { Exact = "a.example.org" })), Connect(Named("wide", new StringMatcher { Suffix = ".example.org" })), Connect(r => r.Route_.Cluster = "rest"))).Value!;
        var bytes = table.Bytes!;

        bytes.NeedsServerName.ShouldBeTrue();
        string[] names = ["a.example.org", "b.example.org", "b.c.example.org", "example.org", "", new('a', 300)];
        names.Select(n => bytes.Find(n)!.Clusters.Single().Name).ShouldBe(["exact", "wide", "wide", "rest", "rest", "rest"]);
        table.ClusterNames.ShouldBe(["exact", "rest", "wide"]);
    }

    [Fact]
    public void Where_every_route_is_for_names_other_connections_go_nowhere()
    {
        var bytes = RouteCompiler.Compile(TestResources.Routes(Connect(Named("c", new StringMatcher { SafeRegex = new RegexMatcher { Regex = ".*" } })))).Value!.Bytes!;

        bytes.Any.ShouldBeNull();
        bytes.Find("any.name").ShouldNotBeNull();
        bytes.Find("").ShouldBeNull("a connection without a name has none that could match");
    }

    [Fact]
    public void What_is_not_the_server_name_of_a_connection_is_refused()
    {
        const string At = "virtual_hosts[0].routes[0].match.dynamic_metadata";
        var name = new StringMatcher { Exact = "a" };
        Refused(Named("c", name, filter: "other")).Field.ShouldBe(At);
        Refused(Named("c", name, key: "other")).Field.ShouldBe(At);
        Refused(Named("c", name) + (r => r.Match.DynamicMetadata[0].Invert = true)).Field.ShouldBe(At);
        Refused(Named("c", name) + Named("c", name)).Field.ShouldBe(At);
        Refused(Named("c", name) + (r => r.Match = new RouteMatch { Prefix = "/", DynamicMetadata = { r.Match.DynamicMetadata } }) + (r => r.Route_ = new RouteAction { Cluster = "c" })).Field.ShouldBe(At);
        RouteCompiler.Compile(TestResources.Routes(Connect(), Connect(Named("c", name)))).Rejections.ShouldHaveSingleItem().Field.ShouldBe("virtual_hosts[0].routes[1].match.connect_matcher");
    }

    [Fact]
    public void What_bytes_have_not_is_refused_by_name()
    {
        const string At = "virtual_hosts[0].routes[0]";
        Refused(r => r.Match.Headers.Add(new HeaderMatcher { Name = "x", PresentMatch = true })).Field.ShouldBe(At + ".match.headers");
        Refused(r => r.Match.QueryParameters.Add(new QueryParameterMatcher { Name = "x" })).Field.ShouldBe(At + ".match.query_parameters");
        Refused(r => r.RequestHeadersToRemove.Add("x")).Field.ShouldBe(At);
        Refused(r => r.Route_.PrefixRewrite = "/x").Field.ShouldBe(At + ".route.prefix_rewrite");
        Refused(r => r.Route_.HostRewriteLiteral = "x").Field.ShouldBe(At + ".route");
        Refused(r => r.Route_.UpgradeConfigs.Clear()).Field.ShouldBe(At + ".route.upgrade_configs");
        Refused(r => r.Route_.UpgradeConfigs[0].ConnectConfig = null).Field.ShouldBe(At + ".route.upgrade_configs");
        Refused(r => r.Route_.UpgradeConfigs[0].ConnectConfig.AllowPost = true).Field.ShouldBe(At + ".route.upgrade_configs[0].connect_config.allow_post");
        Refused(r => r.DirectResponse = new DirectResponseAction { Status = 200 }).Field.ShouldBe(At);
    }

    [Fact]
    public void A_second_one_and_one_for_some_hosts_are_refused()
    {
        RouteCompiler.Compile(TestResources.Routes(Connect(), Connect())).Rejections.ShouldHaveSingleItem().Field.ShouldBe("virtual_hosts[0].routes[1].match.connect_matcher");
        var some = TestResources.Routes(Connect());
        some.VirtualHosts[0].Domains[0] = "a.example";
        RouteCompiler.Compile(some).Rejections.ShouldHaveSingleItem().Field.ShouldBe("virtual_hosts[0].routes[0].match.connect_matcher");
    }

    [Fact]
    public void Connect_config_on_a_route_of_requests_is_refused()
    {
        var route = TestResources.Route("/");
        route.Route_.UpgradeConfigs.Add(new RouteAction.Types.UpgradeConfig { UpgradeType = "websocket", ConnectConfig = new() });
        RouteCompiler.Compile(TestResources.Routes(route)).Rejections.ShouldHaveSingleItem().Field.ShouldBe("virtual_hosts[0].routes[0].route.upgrade_configs[0].connect_config");
    }
}
