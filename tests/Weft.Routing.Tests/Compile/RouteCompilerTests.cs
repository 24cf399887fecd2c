using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Retries;
using Weft.Routing.Routes;
using Xunit;
using DirectResponseAction = Weft.Routing.Routes.DirectResponseAction;
using ForwardAction = Weft.Routing.Routes.ForwardAction;
using RedirectAction = Weft.Routing.Routes.RedirectAction;
using Route = Envoy.Config.Route.V3.Route;
using RouteAction = Envoy.Config.Route.V3.RouteAction;
using WeightedCluster = Envoy.Config.Route.V3.WeightedCluster;
using RouteMatch = Envoy.Config.Route.V3.RouteMatch;

namespace Weft.Routing.Tests.Compile;

public sealed class RouteCompilerTests
{
    private static RouteTable Compile(params Route[] routes) => Compile(TestResources.Routes(routes));

    private static RouteTable Compile(RouteConfiguration message)
    {
        var compiled = RouteCompiler.Compile(message);
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!;
    }

    private static Rejection Refused(params Route[] routes) => RouteCompiler.Compile(TestResources.Routes(routes)).Rejections.ShouldHaveSingleItem();

    private static ForwardAction Forward(RouteAction action) =>
        (ForwardAction)Compile(new Route { Match = new RouteMatch { Prefix = "/api" }, Route_ = action }).VirtualHosts[0].Routes[0].Action;

    [Fact]
    public void Unset_fields_mean_what_Envoy_documents()
    {
        var forward = Forward(new RouteAction { Cluster = "c" });

        forward.Timeout.ShouldBe(TimeSpan.FromSeconds(15));
        forward.IdleTimeout.ShouldBeNull();
        forward.Retry.ShouldBeNull();
        forward.ClusterNotFoundStatus.ShouldBe(503);
        forward.Clusters.ShouldHaveSingleItem().Name.ShouldBe("c");
    }

    [Fact]
    public void Timeout_of_zero_is_off() =>
        Forward(new RouteAction { Cluster = "c", Timeout = new Duration() }).Timeout.ShouldBe(Timeout.InfiniteTimeSpan);

    [Fact]
    public void Timeout_below_the_clock_is_not_off() =>
        Forward(new RouteAction { Cluster = "c", Timeout = new Duration { Nanos = 1 } }).Timeout.ShouldBeGreaterThan(TimeSpan.Zero);

    [Fact]
    public void Weighted_clusters_are_all_named_and_share_the_total()
    {
        var table = Compile(new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction
            {
                WeightedClusters = new WeightedCluster
                {
                    Clusters =
                    {
                        new WeightedCluster.Types.ClusterWeight { Name = "b", Weight = 90 },
                        new WeightedCluster.Types.ClusterWeight { Name = "a", Weight = 10 },
                    },
                },
            },
        });

        table.ClusterNames.ShouldBe(["a", "b"]);
        var forward = (ForwardAction)table.VirtualHosts[0].Routes[0].Action;
        var chance = new Weft.Routing.Balancing.Chance(1);
        Enumerable.Range(0, 10_000).Count(_ => forward.Choose(ref chance).Name == "a").ShouldBeInRange(900, 1100);
    }

    [Fact]
    public void Weights_of_zero_in_all_are_refused() =>
        Refused(new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction { WeightedClusters = new WeightedCluster { Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "b", Weight = 0 } } } },
        }).Field.ShouldBe("virtual_hosts[0].routes[0].route.weighted_clusters.clusters");

    [Fact]
    public void Domain_that_occurs_twice_is_refused()
    {
        var message = TestResources.Routes();
        message.VirtualHosts.Add(new Envoy.Config.Route.V3.VirtualHost { Name = "other", Domains = { "A.example", "a.EXAMPLE" } });

        RouteCompiler.Compile(message).Rejections.ShouldHaveSingleItem().Field.ShouldBe("virtual_hosts[1].domains[1]");
    }

    [Theory]
    [InlineData("host")]
    [InlineData(":path")]
    [InlineData("Transfer-Encoding")]
    [InlineData("X-Weft-Source")]
    [InlineData("bad name")]
    public void Headers_that_frame_or_address_a_message_may_not_be_changed(string name)
    {
        var route = TestResources.Route("/");
        route.RequestHeadersToRemove.Add(name);

        Refused(route).Field.ShouldBe("virtual_hosts[0].routes[0].request_headers_to_remove[0]");
    }

    [Theory]
    [InlineData("50%% of %%", "50% of %")]
    [InlineData("%REQ(x)%", null)]
    [InlineData("a\r\nb", null)]
    public void Header_values_are_plain_text(string value, string? expected)
    {
        var route = TestResources.Route("/");
        route.ResponseHeadersToAdd.Add(new HeaderValueOption { Header = new HeaderValue { Key = "X-A", Value = value } });
        var compiled = RouteCompiler.Compile(TestResources.Routes(route));

        if (expected is null) compiled.Rejections.ShouldHaveSingleItem().Field.ShouldBe("virtual_hosts[0].routes[0].response_headers_to_add[0].header.value");
        else Encoding.UTF8.GetString(compiled.Value!.VirtualHosts[0].Routes[0].ResponseHeaders.Edits[0].Lines(present: false)).ShouldBe($"x-a: {expected}\r\n");
    }

    [Theory]
    [InlineData(false, "x-a: cluster\r\nx-a: route\r\nx-a: host\r\nx-a: table\r\n")]
    [InlineData(true, "x-a: table\r\nx-a: host\r\nx-a: route\r\nx-a: cluster\r\n")]
    public void Header_levels_apply_in_Envoys_order(bool mostSpecificWins, string expected)
    {
        static HeaderValueOption Add(string value) => new() { Header = new HeaderValue { Key = "x-a", Value = value } };
        var message = TestResources.Routes(new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            Route_ = new RouteAction
            {
                WeightedClusters = new WeightedCluster { Clusters = { new WeightedCluster.Types.ClusterWeight { Name = "c", Weight = 1, RequestHeadersToAdd = { Add("cluster") } } } },
            },
            RequestHeadersToAdd = { Add("route") },
        });
        message.VirtualHosts[0].RequestHeadersToAdd.Add(Add("host"));
        message.RequestHeadersToAdd.Add(Add("table"));
        message.MostSpecificHeaderMutationsWins = mostSpecificWins;

        var forward = (ForwardAction)Compile(message).VirtualHosts[0].Routes[0].Action;
        Encoding.UTF8.GetString(forward.Clusters[0].RequestHeaders.Edits[0].Lines(present: true)).ShouldBe(expected);
    }

    [Theory]
    [InlineData("/api", "/v2", "/api/a?b=/api", "/v2/a?b=/api")]
    [InlineData("/api/", "/", "/api/a", "/a")]
    [InlineData("/", "/root/", "/a", "/root/a")]
    public void Prefix_rewrite_replaces_what_was_matched(string prefix, string rewrite, string path, string expected)
    {
        var table = Compile(new Route { Match = new RouteMatch { Prefix = prefix }, Route_ = new RouteAction { Cluster = "c", PrefixRewrite = rewrite } });
        var action = (ForwardAction)table.VirtualHosts[0].Routes[0].Action;
        var into = new byte[100];

        var length = action.PathRewrite!.WriteTo(Encoding.UTF8.GetBytes(path), into);

        Encoding.UTF8.GetString(into, 0, length).ShouldBe(expected);
        action.PathRewrite.WriteTo(Encoding.UTF8.GetBytes(path), new byte[expected.Length - 1]).ShouldBe(-1);
    }

    [Fact]
    public void Prefix_rewrite_of_an_exact_path_keeps_the_query_only()
    {
        var table = Compile(new Route { Match = new RouteMatch { Path = "/a" }, Route_ = new RouteAction { Cluster = "c", PrefixRewrite = "/b" } });
        var into = new byte[100];
        var length = ((ForwardAction)table.VirtualHosts[0].Routes[0].Action).PathRewrite!.WriteTo("/a?q"u8, into);

        Encoding.UTF8.GetString(into, 0, length).ShouldBe("/b?q");
    }

    [Theory]
    [InlineData("http", "a.example", "https://a.example/x?q")]
    [InlineData("http", "a.example:80", "https://a.example/x?q")]
    [InlineData("http", "a.example:8080", "https://a.example:8080/x?q")]
    [InlineData("http", "[::1]:80", "https://[::1]/x?q")]
    public void Https_redirect_keeps_host_path_and_query(string scheme, string authority, string expected) =>
        Location(new Envoy.Config.Route.V3.RedirectAction { HttpsRedirect = true }, scheme, authority).ShouldBe(expected);

    [Fact]
    public void Redirect_replaces_the_parts_that_it_names() =>
        Location(
            new Envoy.Config.Route.V3.RedirectAction { HostRedirect = "b.example", PortRedirect = 8443, SchemeRedirect = "https", PathRedirect = "/y", StripQuery = true },
            "http", "a.example:80").ShouldBe("https://b.example:8443/y");

    [Fact]
    public void Redirect_rewrites_the_prefix() =>
        Location(new Envoy.Config.Route.V3.RedirectAction { PrefixRewrite = "/new" }, "http", "a").ShouldBe("http://a/new?q");

    [Fact]
    public void Direct_response_has_status_and_body()
    {
        var action = (DirectResponseAction)Compile(new Route
        {
            Match = new RouteMatch { Prefix = "/" },
            DirectResponse = new() { Status = 418, Body = new DataSource { InlineString = "tea" } },
        }).VirtualHosts[0].Routes[0].Action;

        action.Status.ShouldBe(418);
        Encoding.UTF8.GetString(action.Body.Span).ShouldBe("tea");
    }

    [Fact]
    public void Direct_response_over_its_limit_is_refused() =>
        Refused(new Route { Match = new RouteMatch { Prefix = "/" }, DirectResponse = new() { Status = 200, Body = new DataSource { InlineString = new string('a', 4097) } } })
            .Message.ShouldBe("4097 bytes are over max_direct_response_body_size_bytes, 4096");

    [Fact]
    public void Retry_policy_of_the_virtual_host_serves_routes_without_one()
    {
        var message = TestResources.Routes(TestResources.Route("/"));
        message.VirtualHosts[0].RetryPolicy = new() { RetryOn = "connect-failure, reset,retriable-status-codes", NumRetries = 4, RetriableStatusCodes = { 503 }, PerTryTimeout = new Duration { Seconds = 2 } };

        var retry = ((ForwardAction)Compile(message).VirtualHosts[0].Routes[0].Action).Retry!;
        retry.On.ShouldBe(RetryOn.ConnectFailure | RetryOn.Reset | RetryOn.RetriableStatusCodes);
        retry.NumRetries.ShouldBe(4);
        retry.PerTryTimeout.ShouldBe(TimeSpan.FromSeconds(2));
        retry.RetriableStatusCodes.ShouldBe([503]);
    }

    [Fact]
    public void Unknown_retry_word_is_refused_with_the_known_ones() =>
        Refused(new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "c", RetryPolicy = new() { RetryOn = "reset,sometimes" } } })
            .Message.ShouldStartWith("\"sometimes\" is not one of 5xx, gateway-error");

    [Fact]
    public void Route_without_action_is_refused() =>
        Refused(new Route { Match = new RouteMatch { Prefix = "/" } }).Message.ShouldBe("one of route, redirect and direct_response is needed");

    [Theory]
    [InlineData("/a/")]
    [InlineData("/")]
    [InlineData("/a?b")]
    public void Path_separated_prefix_has_no_slash_at_its_end(string prefix) =>
        Refused(new Route { Match = new RouteMatch { PathSeparatedPrefix = prefix }, Route_ = new RouteAction { Cluster = "c" } })
            .Field.ShouldBe("virtual_hosts[0].routes[0].match.path_separated_prefix");

    private static string Location(Envoy.Config.Route.V3.RedirectAction redirect, string scheme, string authority)
    {
        var table = Compile(new Route { Match = new RouteMatch { Prefix = "/x" }, Redirect = redirect });
        var into = new byte[200];
        var length = ((RedirectAction)table.VirtualHosts[0].Routes[0].Action).WriteLocation(new TestRequest("/x?q", authority, scheme: scheme).Head, into);
        return Encoding.UTF8.GetString(into, 0, length);
    }
}
