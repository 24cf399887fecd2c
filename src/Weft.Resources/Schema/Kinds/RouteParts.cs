using Weft.Resources.Documents;
using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>What the routes of Gateway API have in common: names, parents and backends.</summary>
internal static class RouteParts
{
    public static readonly TextType Group = Text(max: 253);
    public static readonly TextType Kind = Text(min: 1, max: 63);
    public static readonly TextType ObjectName = Text(min: 1, max: 253);
    public static readonly TextType SectionName = Text(min: 1, max: 253, TextFormat.DnsSubdomain);

    private static readonly ObjectType ParentReference = Object(
        Optional("group", Group, "Group of the parent; empty or core for a Service", "\"gateway.networking.k8s.io\""),
        Optional("kind", Kind, "Kind of the parent: Service in a mesh", "\"Gateway\""),
        Optional("namespace", Of(TextFormat.DnsLabel), "Namespace of the parent; default: the route's"),
        Required("name", ObjectName, "Name of the parent"),
        Optional("sectionName", SectionName, "Port or listener by name"),
        Optional("port", PortNumber, "Only this port of the parent"));

    public static readonly Field ParentRefs = Optional("parentRefs",
        List(ParentReference, max: 32) with { KeyedBy = ["group", "kind", "namespace", "name", "sectionName", "port"] }, "What the route attaches to: a Service in a mesh");

    /// <summary>Fields of a reference to a backend; whoever takes them adds <see cref="ServiceHasPort"/>.</summary>
    public static readonly Field[] BackendFields =
    [
        Optional("group", Group, "Group of the backend; empty for a Service", "\"\""),
        Optional("kind", Kind, "Kind of the backend", "\"Service\""),
        Required("name", ObjectName, "Name of the backend"),
        Optional("namespace", Of(TextFormat.DnsLabel), "Namespace of the backend; default: the route's"),
        Optional("port", PortNumber, "Port of the backend; required for a Service"),
    ];

    public static readonly Field Weight = Optional("weight", Integer(0, 1_000_000), "Share of the rule's requests or connections", "1");

    public static void ServiceHasPort(RuleScope scope)
    {
        var service = scope.Node.Text("group") is null or "" && scope.Node.Text("kind") is null or "Service";
        if (service && !scope.Has("port")) scope.Report(DiagnosticRule.Missing, "port", "port is required for a Service", "add port: the Service's port, not the workload's");
    }
}
