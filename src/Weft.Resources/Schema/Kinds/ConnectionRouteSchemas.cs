using static Weft.Resources.Schema.Kinds.RouteParts;
using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>
/// gateway.networking.k8s.io/v1 TCPRoute and TLSRoute, as published. The alphas differ in that a TCPRoute might have rules that nothing chooses between and a TLSRoute might have no host
/// names: the first is refused here with the list's bounds, the second means every name.
/// </summary>
internal static class ConnectionRouteSchemas
{
    private static readonly ObjectType BackendReference = Object([.. BackendFields, Weight]) with { Rules = [ServiceHasPort] };

    private static readonly Field Rules = Required("rules", List(Object(
        Optional("name", SectionName, "Name of the rule"),
        Required("backendRefs", List(BackendReference, min: 1, max: 16), "Where the connections go")), min: 1, max: 1), "The one rule: connections have nothing to choose a second one by");

    public static readonly ObjectType TcpRoute = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Required("spec", Object(ParentRefs, Rules), "Where connections go"));

    public static readonly ObjectType TlsRoute = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Required("spec", Object(
            ParentRefs,
            Optional("hostnames", List(Of(TextFormat.Hostname), max: 1024) with { Unique = true }, "Server names (SNI) that the route takes; without any it takes all"),
            Rules), "Where TLS connections go"));
}
