using System.Text;
using Envoy.Config.Route.V3;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Matching;
using Weft.Routing.Routes;
using Xunit;
using HeaderMatcher = Envoy.Config.Route.V3.HeaderMatcher;
using Route = Envoy.Config.Route.V3.Route;
using RouteAction = Envoy.Config.Route.V3.RouteAction;
using VirtualHost = Envoy.Config.Route.V3.VirtualHost;
using RouteMatch = Envoy.Config.Route.V3.RouteMatch;

namespace Weft.Routing.Tests.Matching;

public sealed class RouteTableTests
{
    private static RouteTable Compile(RouteConfiguration message)
    {
        var compiled = RouteCompiler.Compile(message);
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!;
    }

    private static RouteTable Hosts(params string[] domains) => Compile(new RouteConfiguration
    {
        Name = "r",
        VirtualHosts = { domains.Select(d => new VirtualHost { Name = d, Domains = { d }, Routes = { TestResources.Route("/") } }) },
    });

    [Theory]
    [InlineData("a.example", "a.example")]
    [InlineData("A.EXAMPLE", "a.example")]
    [InlineData("b.example", "*.example")]
    [InlineData("x.b.example", "*.b.example")]
    [InlineData("a.org", "a.*")]
    [InlineData("a.b.org", "a.b.*")]
    [InlineData(".example", "*")]
    [InlineData("a.example:81", "a.*")]
    [InlineData("p.test:8080", "p.test:8080")]
    [InlineData("p.test", "*")]
    [InlineData("", "*")]
    public void Virtual_host_is_exact_then_suffix_then_prefix_then_any(string authority, string expected)
    {
        var table = Hosts("*", "*.example", "*.b.example", "a.*", "a.b.*", "a.example", "p.test:8080");

        table.Match(new TestRequest("/", authority).Head).VirtualHost!.Name.ShouldBe(expected);
    }

    [Fact]
    public void Ports_are_ignored_when_the_table_says_so()
    {
        var table = Compile(new RouteConfiguration
        {
            Name = "r", IgnorePortInHostMatching = true, VirtualHosts = { new VirtualHost { Name = "a", Domains = { "a.example", "[::1]" }, Routes = { TestResources.Route("/") } } },
        });

        table.Match(new TestRequest("/", "a.example:99").Head).Miss.ShouldBe(RouteMiss.None);
        table.Match(new TestRequest("/", "[::1]:99").Head).Miss.ShouldBe(RouteMiss.None);
        table.Match(new TestRequest("/", "[::1]").Head).Miss.ShouldBe(RouteMiss.None);
    }

    [Fact]
    public void Misses_say_what_is_missing()
    {
        var table = Compile(new RouteConfiguration { Name = "r", VirtualHosts = { new VirtualHost { Name = "a", Domains = { "a.example" }, Routes = { TestResources.Route("/api") } } } });

        table.Match(new TestRequest("/api", "b.example").Head).Miss.ShouldBe(RouteMiss.NoVirtualHost);
        table.Match(new TestRequest("/", "a.example").Head).Miss.ShouldBe(RouteMiss.NoRoute);
    }

    [Theory]
    [InlineData("/a", true)]
    [InlineData("/a/", true)]
    [InlineData("/a/b?c", true)]
    [InlineData("/a?b", true)]
    [InlineData("/ab", false)]
    [InlineData("/", false)]
    public void Separated_prefix_matches_whole_segments(string path, bool matches)
    {
        var table = Compile(TestResources.Routes(new Route { Match = new RouteMatch { PathSeparatedPrefix = "/a" }, Route_ = new RouteAction { Cluster = "c" } }));

        (table.Match(new TestRequest(path).Head).Route is not null).ShouldBe(matches);
    }

    [Theory]
    [InlineData(@"/v\d+/.*", "/v12/x", true)]
    [InlineData(@"/v\d+/.*", "/v٣/x", false)]
    [InlineData(@"/v\d+", "/v1/x", false)]
    [InlineData(@"(?P<a>/x)", "/x?y", true)]
    [InlineData(@"/[[:alpha:]]+", "/abc", true)]
    [InlineData(@"/\Qa.b\E", "/a.b", true)]
    [InlineData(@"/\Qa.b\E", "/axb", false)]
    [InlineData(@"/[^/]+$", "/a", true)]
    public void Expressions_are_RE2_and_match_whole_paths(string regex, string path, bool matches)
    {
        var table = Compile(TestResources.Routes(new Route { Match = new RouteMatch { SafeRegex = new() { Regex = regex } }, Route_ = new RouteAction { Cluster = "c" } }));

        (table.Match(new TestRequest(path).Head).Route is not null).ShouldBe(matches);
    }

    /// <summary>The index against a matcher that tries every route in order: whatever mixture of paths, the winner is the same.</summary>
    [Fact]
    public void Index_finds_the_same_route_as_trying_all_in_order()
    {
        var random = new Random(11);
        for (var round = 0; round < 400; round++)
        {
            var table = Compile(TestResources.Routes([.. Enumerable.Range(0, random.Next(1, 40)).Select(i => RandomRoute(random, i))]));
            var routes = table.VirtualHosts[0].Routes;
            for (var i = 0; i < 50; i++)
            {
                var path = RandomPath(random) + (random.Next(3) == 0 ? "?q=1" : "");
                var request = new TestRequest(path, headers: random.Next(2) == 0 ? [("X-H", "1")] : []);
                Routing.Routes.Route? expected = null;
                foreach (var route in routes)
                {
                    if (!route.Match.Matches(request.Head)) continue;
                    expected = route;
                    break;
                }
                table.Match(request.Head).Route?.Name.ShouldBe(expected?.Name, $"for {path} in [{string.Join("; ", routes.Select(r => $"{r.Match.Path.Kind} {r.Match.Path.Text}"))}]");
                (table.Match(request.Head).Route is null).ShouldBe(expected is null);
            }
        }
    }

    [Fact]
    public void Matching_among_500_routes_allocates_nothing()
    {
        var table = Compile(TestResources.Routes([.. Enumerable.Range(0, 500).Select(i => (i % 5) switch
        {
            0 => new Route { Match = new RouteMatch { Path = $"/exact/{i}" }, Route_ = new RouteAction { Cluster = "c" } },
            1 => new Route { Match = new RouteMatch { PathSeparatedPrefix = $"/seg/{i}" }, Route_ = new RouteAction { Cluster = "c" } },
            2 => new Route { Match = new RouteMatch { Prefix = $"/p/{i}", Headers = { new HeaderMatcher { Name = "x-h", StringMatch = new() { Exact = "1" } } } }, Route_ = new RouteAction { Cluster = "c" } },
            3 => new Route { Match = new RouteMatch { Prefix = $"/q/{i}", QueryParameters = { new QueryParameterMatcher { Name = "a", StringMatch = new() { Prefix = "b" } } } }, Route_ = new RouteAction { Cluster = "c" } },
            _ => new Route { Match = new RouteMatch { SafeRegex = new() { Regex = $"/r{i}/[a-z]+" } }, Route_ = new RouteAction { Cluster = "c" } },
        })]));
        TestRequest[] requests = [new("/exact/495"), new("/seg/491/x"), new("/p/492", headers: [("x-h", "1")]), new("/q/493?z=1&a=bc"), new("/r494/abc"), new("/none")];
        for (var i = 0; i < 200; i++)
        {
            foreach (var request in requests) table.Match(request.Head);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            foreach (var request in requests) table.Match(request.Head);
        }
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        foreach (var request in requests.Take(5)) table.Match(request.Head).Route.ShouldNotBeNull();
    }

    private static Route RandomRoute(Random random, int index)
    {
        var match = new RouteMatch();
        switch (random.Next(5))
        {
            case 0: match.Path = RandomPath(random); break;
            case 1: match.PathSeparatedPrefix = "/" + "ab"[random.Next(2)] + (random.Next(2) == 0 ? "/b" : ""); break;
            case 2: match.SafeRegex = new() { Regex = "/[ab]" + (random.Next(2) == 0 ? ".*" : "") }; break;
            default: match.Prefix = RandomPath(random); break;
        }
        if (random.Next(4) == 0 && match.SafeRegex is null) match.CaseSensitive = false;
        if (random.Next(3) == 0) match.Headers.Add(new HeaderMatcher { Name = "x-h", PresentMatch = random.Next(2) == 0 });
        return new Route { Name = $"route {index}", Match = match, Route_ = new RouteAction { Cluster = "c" } };
    }

    private static string RandomPath(Random random)
    {
        var path = new StringBuilder("/");
        for (var i = random.Next(0, 5); i > 0; i--) path.Append("abAB/"[random.Next(5)]);
        return path.ToString();
    }
}
