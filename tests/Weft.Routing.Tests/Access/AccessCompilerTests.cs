using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Type.Matcher.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Access;
using Weft.Routing.Compile;
using Xunit;
using Chain = Weft.Routing.Listeners.FilterChain;
using Filter = Envoy.Config.Listener.V3.Filter;
using NetworkRbacMessage = Envoy.Extensions.Filters.Network.Rbac.V3.RBAC;

namespace Weft.Routing.Tests.Access;

public sealed class AccessCompilerTests
{
    private static readonly Principal Anyone = new() { Any = true };
    private static readonly Permission Anything = new() { Any = true };

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("10.255.0.1", true)]
    [InlineData("11.0.0.1", false)]
    [InlineData("::1", false)]
    public void Source_ranges_hold_by_prefix_whatever_stands_behind_it(string remote, bool permitted)
    {
        var rules = Rules(Permit(Anything, new Principal { RemoteIp = Range("10.9.9.9", 8) }));
        rules.Decide(Facts(remote: remote)).IsPermitted.ShouldBe(permitted);
    }

    [Fact]
    public void Direct_remote_is_the_socket_and_remote_the_client_that_a_proxy_named()
    {
        var facts = Facts(remote: "203.0.113.7", direct: "10.0.0.1");
        Rules(Permit(Anything, new Principal { DirectRemoteIp = Range("10.0.0.0", 8) })).Decide(facts).IsPermitted.ShouldBeTrue();
        Rules(Permit(Anything, new Principal { RemoteIp = Range("10.0.0.0", 8) })).Decide(facts).IsPermitted.ShouldBeFalse();
        Rules(Permit(Anything, new Principal { SourceIp = Range("203.0.113.0", 24) })).Decide(facts).IsPermitted.ShouldBeTrue();
    }

    [Fact]
    public void Destinations_are_told_by_address_port_range_and_server_name()
    {
        var facts = Facts(destination: "192.0.2.1:5432", serverName: "db.example");
        Rules(Permit(new Permission { DestinationIp = Range("192.0.2.0", 24) }, Anyone)).Decide(facts).IsPermitted.ShouldBeTrue();
        Rules(Permit(new Permission { DestinationPort = 5432 }, Anyone)).Decide(facts).IsPermitted.ShouldBeTrue();
        Rules(Permit(new Permission { DestinationPort = 5433 }, Anyone)).Decide(facts).IsPermitted.ShouldBeFalse();
        Rules(Permit(new Permission { DestinationPortRange = new Int32Range { Start = 5000, End = 5432 } }, Anyone)).Decide(facts).IsPermitted.ShouldBeFalse("the end is excluded");
        Rules(Permit(new Permission { DestinationPortRange = new Int32Range { Start = 5432, End = 5433 } }, Anyone)).Decide(facts).IsPermitted.ShouldBeTrue();
        Rules(Permit(new Permission { RequestedServerName = new StringMatcher { Suffix = ".example" } }, Anyone)).Decide(facts).IsPermitted.ShouldBeTrue();
        Rules(Permit(new Permission { RequestedServerName = new StringMatcher { Exact = "db" } }, Anyone)).Decide(facts).IsPermitted.ShouldBeFalse();
    }

    [Fact]
    public void Trees_of_all_one_of_and_not_hold_as_logic_has_it()
    {
        Permission Port(uint port) => new() { DestinationPort = port };
        var tree = new Permission
        {
            AndRules = new Permission.Types.Set { Rules = { new Permission { OrRules = new Permission.Types.Set { Rules = { Port(1), Port(2), Port(3) } } }, new Permission { NotRule = Port(2) } } },
        };
        var who = new Principal
        {
            AndIds = new Principal.Types.Set { Ids = { new Principal { OrIds = new Principal.Types.Set { Ids = { Anyone } } }, new Principal { NotId = new Principal { RemoteIp = Range("127.0.0.9", 32) } } } },
        };
        var rules = Rules(Permit(tree, who));
        rules.Decide(Facts(destination: "127.0.0.1:1")).IsPermitted.ShouldBeTrue();
        rules.Decide(Facts(destination: "127.0.0.1:2")).IsPermitted.ShouldBeFalse();
        rules.Decide(Facts(destination: "127.0.0.1:3")).IsPermitted.ShouldBeTrue();
        rules.Decide(Facts(destination: "127.0.0.1:4")).IsPermitted.ShouldBeFalse();
        rules.Decide(Facts(destination: "127.0.0.1:1", remote: "127.0.0.9")).IsPermitted.ShouldBeFalse();
    }

    [Fact]
    public void Identities_match_by_any_name_of_a_verified_certificate_and_nothing_matches_without_one()
    {
        var cart = new PeerNames(["spiffe://mesh/ns/shop/sa/cart"], ["cart.example"], "CN=cart");
        AccessRules Named(StringMatcher? name) => Rules(Permit(Anything, new Principal { Authenticated = new() { PrincipalName = name } }));

        Named(new StringMatcher { Exact = "spiffe://mesh/ns/shop/sa/cart" }).Decide(Facts(peer: cart)).IsPermitted.ShouldBeTrue();
        Named(new StringMatcher { SafeRegex = new RegexMatcher { Regex = ".*/ns/shop/.*" } }).Decide(Facts(peer: cart)).IsPermitted.ShouldBeTrue();
        Named(new StringMatcher { Exact = "cart.example" }).Decide(Facts(peer: cart)).IsPermitted.ShouldBeTrue();
        Named(new StringMatcher { Exact = "CN=cart" }).Decide(Facts(peer: cart)).IsPermitted.ShouldBeTrue();
        Named(new StringMatcher { Prefix = "spiffe://other/" }).Decide(Facts(peer: cart)).IsPermitted.ShouldBeFalse();
        Named(null).Decide(Facts(peer: cart)).IsPermitted.ShouldBeTrue();
        Named(null).Decide(Facts()).IsPermitted.ShouldBeFalse();
        Named(new StringMatcher { Exact = "" }).Decide(Facts()).IsPermitted.ShouldBeFalse();
    }

    [Fact]
    public void Conditions_on_requests_never_hold_and_their_negation_does()
    {
        var path = new PathMatcher { Path = new StringMatcher { Prefix = "/" } };
        var absent = new Envoy.Config.Route.V3.HeaderMatcher { Name = "x-any", PresentMatch = false };
        Rules(Permit(new Permission { UrlPath = path }, Anyone)).Decide(Facts()).IsPermitted.ShouldBeFalse();
        Rules(Permit(new Permission { Header = absent }, Anyone)).Decide(Facts()).IsPermitted.ShouldBeFalse();
        Rules(Permit(Anything, new Principal { Header = absent })).Decide(Facts()).IsPermitted.ShouldBeFalse();
        Rules(Permit(new Permission { NotRule = new Permission { UrlPath = path } }, Anyone)).Decide(Facts()).IsPermitted.ShouldBeTrue();
    }

    [Fact]
    public void Actions_permit_deny_and_log_and_the_policy_is_named_in_the_order_of_names()
    {
        var both = new RBAC { Policies = { ["b"] = Policy(Anything, Anyone), ["a"] = Policy(new Permission { DestinationPort = 9 }, Anyone) } };
        AccessDecision Decide(RBAC.Types.Action action, string destination)
        {
            both.Action = action;
            return Compile(both).Rules!.Decide(Facts(destination: destination));
        }
        Decide(RBAC.Types.Action.Allow, "127.0.0.1:9").ShouldBe(new AccessDecision(true, "a"));
        Decide(RBAC.Types.Action.Allow, "127.0.0.1:8").ShouldBe(new AccessDecision(true, "b"));
        Decide(RBAC.Types.Action.Deny, "127.0.0.1:9").ShouldBe(new AccessDecision(false, "a"));
        Decide(RBAC.Types.Action.Log, "127.0.0.1:9").ShouldBe(new AccessDecision(true, "a"));
        both.Policies.Remove("b");
        Decide(RBAC.Types.Action.Allow, "127.0.0.1:8").ShouldBe(new AccessDecision(false, null));
        Decide(RBAC.Types.Action.Deny, "127.0.0.1:8").ShouldBe(new AccessDecision(true, null));
    }

    [Fact]
    public void Rules_without_policies_deny_everything_and_absent_rules_nothing()
    {
        Compile(new RBAC()).Rules!.Decide(Facts()).ShouldBe(new AccessDecision(false, null));
        Compile(null).Rules.ShouldBeNull();
        NetworkRbac.FirstDenial([Compile(null)], Facts()).ShouldBeNull();
    }

    [Fact]
    public void Several_filters_are_asked_in_order_and_shadow_rules_deny_nobody()
    {
        var permits = new NetworkRbacMessage { StatPrefix = "first", Rules = Permit(Anything, Anyone), ShadowRules = new RBAC() };
        var denies = new NetworkRbacMessage { StatPrefix = "second", Rules = new RBAC { Action = RBAC.Types.Action.Deny, Policies = { ["no"] = Policy(Anything, Anyone) } } };
        var chain = CompileChain(permits, denies);
        chain.Access.Select(a => a.StatPrefix).ShouldBe(["first", "second"]);
        var denial = NetworkRbac.FirstDenial(chain.Access, Facts())!.Value;
        denial.Filter.StatPrefix.ShouldBe("second");
        denial.Decision.ShouldBe(new AccessDecision(false, "no"));
        chain.Access[0].ShadowRules!.Decide(Facts()).IsPermitted.ShouldBeFalse();
    }

    [Fact]
    public void Both_enforcement_types_are_served()
    {
        foreach (var type in System.Enum.GetValues<NetworkRbacMessage.Types.EnforcementType>())
            CompileChain(new NetworkRbacMessage { StatPrefix = "p", EnforcementType = type, Rules = Permit(Anything, Anyone) }).Access.Length.ShouldBe(1);
    }

    [Fact]
    public void What_cannot_be_kept_is_refused_by_the_path_of_its_field()
    {
        const string Rules = "filter_chains[0].filters[0].typed_config.rules";
        Refused(new RBAC { Policies = { ["p"] = new Policy { Principals = { Anyone } } } }).ShouldBe([$"{Rules}.policies[p].permissions"]);
        Refused(Permit(new Permission(), Anyone)).ShouldBe([$"{Rules}.policies[p].permissions[0]"]);
        Refused(Permit(new Permission { Any = false }, Anyone)).ShouldBe([$"{Rules}.policies[p].permissions[0].any"]);
        Refused(Permit(new Permission { AndRules = new() }, Anyone)).ShouldBe([$"{Rules}.policies[p].permissions[0].and_rules.rules"]);
        Refused(Permit(new Permission { DestinationPort = 65536 }, Anyone)).ShouldBe([$"{Rules}.policies[p].permissions[0].destination_port"]);
        Refused(Permit(new Permission { DestinationPortRange = new Int32Range { Start = 7, End = 7 } }, Anyone)).ShouldBe([$"{Rules}.policies[p].permissions[0].destination_port_range"]);
        Refused(Permit(new Permission { DestinationIp = Range("here", 8) }, Anyone)).ShouldBe([$"{Rules}.policies[p].permissions[0].destination_ip.address_prefix"]);
        Refused(Permit(Anything, new Principal { RemoteIp = Range("10.0.0.0", 33) })).ShouldBe([$"{Rules}.policies[p].principals[0].remote_ip.prefix_len"]);
        Refused(Permit(Anything, new Principal { NotId = new Principal { Authenticated = new() { PrincipalName = new StringMatcher { SafeRegex = new RegexMatcher { Regex = "(" } } } } }))
            .ShouldBe([$"{Rules}.policies[p].principals[0].not_id.authenticated.principal_name.safe_regex.regex"]);
        Refused(Permit(new Permission { Metadata = new MetadataMatcher { Filter = "f" } }, Anyone)).ShouldContain(f => f.EndsWith(".metadata"));
        CompileListener(new NetworkRbacMessage { Rules = Permit(Anything, Anyone) }).Rejections.ShouldHaveSingleItem().Field.ShouldBe("filter_chains[0].filters[0].typed_config.stat_prefix");
    }

    [Fact]
    public void A_filter_behind_the_one_that_takes_the_connection_is_refused()
    {
        var listener = TestResources.Listener(TestResources.Manager());
        listener.FilterChains[0].Filters.Add(Pack(new NetworkRbacMessage { StatPrefix = "late", Rules = new RBAC() }));
        ListenerCompiler.Compile(listener).Rejections.ShouldHaveSingleItem().Field.ShouldBe("filter_chains[0].filters[1]");
    }

    /// <summary>Peers are never IPv4-mapped: addresses are IPv4 where they are read.</summary>
    [Theory]
    [InlineData("::ffff:10.0.0.0", 104, "10.1.2.3", true)]
    [InlineData("::ffff:10.0.0.1", 128, "10.0.0.1", true)]
    [InlineData("::ffff:10.0.0.1", 128, "10.0.0.2", false)]
    [InlineData("::ffff:0:0", 96, "192.0.2.1", true)]
    [InlineData("::", 0, "10.0.0.1", false)] // every IPv6 address
    [InlineData("::", 0, "2001:db8::1", true)]
    public void A_range_of_IPv4_mapped_addresses_is_one_of_IPv4(string prefix, uint bits, string peer, bool matches)
    {
        var rules = Rules(Permit(new Permission { Any = true }, new Principal { DirectRemoteIp = Range(prefix, bits) }));
        rules.Decide(Facts(direct: peer)).IsPermitted.ShouldBe(matches);
    }

    private static CidrRange Range(string address, uint bits) => new() { AddressPrefix = address, PrefixLen = bits };

    private static Policy Policy(Permission permission, Principal principal) => new() { Permissions = { permission }, Principals = { principal } };

    private static RBAC Permit(Permission permission, Principal principal) => new() { Policies = { ["p"] = Policy(permission, principal) } };

    private static AccessRules Rules(RBAC rules) => Compile(rules).Rules!;

    private static NetworkRbac Compile(RBAC? rules) => CompileChain(new NetworkRbacMessage { StatPrefix = "s", Rules = rules }).Access[0];

    private static IEnumerable<string> Refused(RBAC rules) => CompileListener(new NetworkRbacMessage { StatPrefix = "s", Rules = rules }).Rejections.Select(r => r.Field);

    private static Chain CompileChain(params NetworkRbacMessage[] filters)
    {
        var compiled = CompileListener(filters);
        compiled.Rejections.ShouldBeEmpty();
        return compiled.Value!.FilterChains[0];
    }

    private static Compiled<Weft.Routing.Listeners.Listener> CompileListener(params NetworkRbacMessage[] filters)
    {
        var listener = TestResources.Listener(TestResources.Manager());
        for (var i = 0; i < filters.Length; i++) listener.FilterChains[0].Filters.Insert(i, Pack(filters[i]));
        return ListenerCompiler.Compile(listener);
    }

    private static Filter Pack(NetworkRbacMessage filter) => new() { Name = "rbac", TypedConfig = Any.Pack(filter) };

    internal static AccessFacts Facts(string remote = "127.0.0.1", string? direct = null, string destination = "127.0.0.1:80", string serverName = "", PeerNames? peer = null) => new()
    {
        DirectRemote = IPAddress.Parse(direct ?? remote),
        Remote = IPAddress.Parse(remote),
        Destination = IPEndPoint.Parse(destination),
        ServerName = serverName,
        Peer = peer,
    };
}
