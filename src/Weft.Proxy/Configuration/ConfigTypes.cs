using Envoy.Admin.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Weft.Proxy.Configuration;

/// <summary>The message types that may stand inside an Any of a configuration, for reading it back as JSON.</summary>
/// <remarks>Touching this class builds 5 MB of descriptors that stay in memory, so only a question by a person leads here.</remarks>
internal static class ConfigTypes
{
    public const string Prefix = "type.googleapis.com/";

    /// <summary>Everything that is generated: the roots below bring in all that they import.</summary>
    public static TypeRegistry Registry { get; } = TypeRegistry.FromFiles(
        ConfigDumpReflection.Descriptor,
        Envoy.Config.Listener.V3.ListenerReflection.Descriptor,
        Envoy.Config.Cluster.V3.ClusterReflection.Descriptor,
        Envoy.Config.Endpoint.V3.EndpointReflection.Descriptor,
        Envoy.Config.Route.V3.RouteReflection.Descriptor,
        HttpConnectionManagerReflection.Descriptor,
        RouterReflection.Descriptor,
        Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxyReflection.Descriptor,
        Envoy.Extensions.Filters.Http.Rbac.V3.RbacReflection.Descriptor,
        Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspectorReflection.Descriptor,
        Envoy.Extensions.Filters.Listener.HttpInspector.V3.HttpInspectorReflection.Descriptor,
        Envoy.Extensions.TransportSockets.Tls.V3.TlsReflection.Descriptor,
        Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBufferReflection.Descriptor,
        Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptionsReflection.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3.RoundRobinReflection.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequestReflection.Descriptor,
        Envoy.Extensions.LoadBalancingPolicies.Random.V3.RandomReflection.Descriptor,
        Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseReflection.Descriptor,
        Envoy.Extensions.AccessLoggers.Stream.V3.StreamReflection.Descriptor,
        Weft.V1.ForwardProxyReflection.Descriptor,
        Weft.V1.NameReflection.Descriptor,
        Weft.V1.RetryBudgetReflection.Descriptor,
        Google.Protobuf.WellKnownTypes.StructReflection.Descriptor,
        Google.Protobuf.WellKnownTypes.WrappersReflection.Descriptor);

    /// <summary>The message of <paramref name="typeUrl"/>; null for a type that is not known.</summary>
    /// <exception cref="InvalidProtocolBufferException">The bytes are not one.</exception>
    public static IMessage? Parse(string typeUrl, ByteString body) =>
        Registry.Find(typeUrl[(typeUrl.LastIndexOf('/') + 1)..])?.Parser.ParseFrom(body);
}
