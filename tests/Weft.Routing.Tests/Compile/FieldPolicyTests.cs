using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Compile.Fields;
using Xunit;

namespace Weft.Routing.Tests.Compile;

public sealed class FieldPolicyTests
{
    /// <summary>Every message that is understood, by descriptor: the roots and what honoured fields lead to.</summary>
    private static readonly Dictionary<string, MessageDescriptor> Descriptors = Collect(
        Envoy.Config.Listener.V3.Listener.Descriptor, RouteConfiguration.Descriptor, Envoy.Config.Cluster.V3.Cluster.Descriptor,
        Envoy.Config.Endpoint.V3.ClusterLoadAssignment.Descriptor, Envoy.Extensions.TransportSockets.Tls.V3.Secret.Descriptor,
        Envoy.Config.Bootstrap.V3.Bootstrap.Descriptor,
        Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Descriptor,
        Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Descriptor,
        Envoy.Extensions.Filters.Network.Rbac.V3.RBAC.Descriptor, Weft.V1.Detect.Descriptor,
        Envoy.Extensions.Filters.Http.Router.V3.Router.Descriptor, Weft.V1.ForwardProxy.Descriptor, Weft.V1.RetryBudget.Descriptor,
        Weft.V1.Transparent.Descriptor, Weft.V1.ProxyProtocol.Descriptor, Envoy.Extensions.Filters.Listener.OriginalDst.V3.OriginalDst.Descriptor,
        Envoy.Extensions.TransportSockets.ProxyProtocol.V3.ProxyProtocolUpstreamTransport.Descriptor,
        Weft.V1.MeshNames.Descriptor, Weft.V1.Name.Descriptor,
        Envoy.Extensions.Filters.Udp.DnsFilter.V3.DnsFilterConfig.Descriptor, Envoy.Extensions.Network.DnsResolver.Cares.V3.CaresDnsResolverConfig.Descriptor,
        Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector.Descriptor, Envoy.Extensions.Filters.Listener.HttpInspector.V3.HttpInspector.Descriptor,
        Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseFormatterConfig.Descriptor,
        Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext.Descriptor, Envoy.Extensions.TransportSockets.Tls.V3.UpstreamTlsContext.Descriptor,
        Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer.Descriptor, Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3.RoundRobin.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest.Descriptor, Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random.Descriptor);

    public static TheoryData<string> MessageNames => [.. FieldPolicy.Messages.Select(m => m.FullName)];

    [Theory]
    [MemberData(nameof(MessageNames))]
    public void Every_field_of_an_understood_message_stands_on_exactly_one_list(string fullName)
    {
        var message = FieldPolicy.Messages.Single(m => m.FullName == fullName);
        var descriptor = Descriptors[fullName];

        // The constructor's dictionary already refuses a number that stands on two lists.
        message.Rules.Select(r => (r.Number, r.Name, r.Repeated, r.Oneof, r.JsonName)).Order()
            .ShouldBe(descriptor.Fields.InFieldNumberOrder().Select(f => (f.FieldNumber, f.Name, f.IsRepeated, f.RealContainingOneof?.Name ?? "", f.JsonName)).Order());
    }

    [Theory]
    [MemberData(nameof(MessageNames))]
    public void Honoured_fields_are_of_the_kind_that_the_descriptor_says(string fullName)
    {
        var message = FieldPolicy.Find(fullName)!;
        foreach (var field in Descriptors[fullName].Fields.InFieldNumberOrder().Where(f => message.Find(f.FieldNumber)!.List == FieldList.Honoured))
        {
            var rule = message.Find(field.FieldNumber)!;
            rule.Kind.ToString().ShouldBe(field.FieldType != FieldType.Message ? field.FieldType.ToString()
                : field.MessageType.FullName.StartsWith("google.protobuf.") ? field.MessageType.Name : nameof(FieldKind.Message), field.FullName);
            rule.Child.ShouldBe(rule.Kind == FieldKind.Message ? field.MessageType.FullName : "", field.FullName);
            rule.IsMap.ShouldBe(field.IsMap);
            if (rule.Child.Length > 0) FieldPolicy.Find(rule.Child).ShouldNotBeNull();
            if (rule.Kind == FieldKind.Enum) rule.Values.ShouldBe(field.EnumType.Values.Select(v => (v.Name, v.Number)));
        }
    }

    [Fact]
    public void Refused_field_is_named_with_its_path()
    {
        var route = new RouteConfiguration
        {
            Name = "r",
            VirtualHosts =
            {
                new VirtualHost { Name = "a", Domains = { "a" } },
                new VirtualHost
                {
                    Name = "b",
                    Domains = { "b" },
                    Routes =
                    {
                        new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "c" } },
                        new Route { Match = new RouteMatch { Prefix = "/" }, Route_ = new RouteAction { Cluster = "c", RegexRewrite = new() } },
                    },
                },
            },
        };

        var rejection = RouteCompiler.Compile(route).Rejections.ShouldHaveSingleItem();
        rejection.ShouldBe(new Rejection(TypeUrls.RouteConfiguration, "r", "virtual_hosts[1].routes[1].route.regex_rewrite", "is not supported by this version"));
    }

    [Fact]
    public void Refused_field_inside_an_extension_is_named_through_it()
    {
        var listener = TestResources.Listener(TestResources.Manager(m => m.ScopedRoutes = new() { Name = "s" }));

        ListenerCompiler.Compile(listener).Rejections.ShouldContain(r => r.Field == "filter_chains[0].filters[0].typed_config.scoped_routes");
    }

    [Fact]
    public void Unknown_field_numbers_are_counted_at_every_depth_and_accepted()
    {
        // 9999 at the top and inside the first virtual host, as a newer server might send.
        byte[] unknown = [0xF8, 0xF0, 0x04, 0x01]; // tag 9999, varint 1
        var host = new VirtualHost { Name = "a", Domains = { "*" } };
        byte[] hostBytes = [.. host.ToByteArray(), .. unknown];
        byte[] bytes = [.. new RouteConfiguration { Name = "r" }.ToByteArray(), 0x12, (byte)hostBytes.Length, .. hostBytes, .. unknown];

        var compiled = RouteCompiler.Compile(bytes);

        compiled.Ok.ShouldBeTrue();
        compiled.UnknownFields.ShouldBe(2);
    }

    [Fact]
    public void Several_faults_are_reported_together()
    {
        var route = TestResources.Routes(new Route
        {
            Match = new RouteMatch { SafeRegex = new() { Regex = "(" } },
            Route_ = new RouteAction { Cluster = "", Timeout = new Duration { Seconds = -1 }, Priority = RoutingPriority.High },
        });

        RouteCompiler.Compile(route).Rejections.Select(r => r.Field).ShouldBe(
            [
                "virtual_hosts[0].routes[0].match.safe_regex.regex", "virtual_hosts[0].routes[0].route.cluster",
                "virtual_hosts[0].routes[0].route.timeout", "virtual_hosts[0].routes[0].route.priority",
            ],
            ignoreOrder: true);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Broken_bytes_are_refused_and_never_thrown(int seed)
    {
        var random = new Random(seed);
        byte[][] good = [TestResources.Listener(TestResources.Manager()).ToByteArray(), TestResources.Routes(TestResources.Route("/")).ToByteArray(),
            TestResources.Cluster().ToByteArray(), TestResources.Assignment("c", "10.0.0.1", "10.0.0.2").ToByteArray()];
        for (var i = 0; i < 3000; i++)
        {
            var bytes = good[random.Next(good.Length)].ToArray();
            for (var flips = random.Next(1, 6); flips > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) bytes = bytes[..random.Next(bytes.Length)];

            _ = ListenerCompiler.Compile(bytes);
            _ = RouteCompiler.Compile(bytes);
            _ = ClusterCompiler.Compile(bytes, new());
            _ = EndpointCompiler.Compile(bytes, new());
            _ = SecretCompiler.Compile(bytes);
        }
    }

    private static Dictionary<string, MessageDescriptor> Collect(params MessageDescriptor[] roots)
    {
        var found = new Dictionary<string, MessageDescriptor>();
        var queue = new Queue<MessageDescriptor>(roots);
        while (queue.TryDequeue(out var message))
        {
            if (!found.TryAdd(message.FullName, message)) continue;
            foreach (var field in message.Fields.InFieldNumberOrder().Where(f => f.FieldType == FieldType.Message)) queue.Enqueue(field.MessageType);
        }
        return found;
    }
}
