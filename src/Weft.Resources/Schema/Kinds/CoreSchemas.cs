using Weft.Resources.Documents;
using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>Kubernetes core v1, as published: Namespace, Service, ServiceAccount.</summary>
internal static class CoreSchemas
{
    public static readonly ObjectType Namespace = ObjectSchema.For(Of(TextFormat.DnsLabel), namespaced: false,
        Optional("spec", Object(Optional("finalizers", List(PlainText), "What must be done before the namespace is gone")), "Rarely written by people"));

    public static readonly ObjectType ServiceAccount = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Optional("automountServiceAccountToken", Flag, "Kubernetes only"),
        Optional("imagePullSecrets", List(Anything), "Kubernetes only"),
        Optional("secrets", List(Anything), "Kubernetes only"));

    private static readonly ObjectType ServicePort = Object(
        Optional("name", Of(TextFormat.PortName), "Name of the port; required when there are several"),
        Optional("protocol", OneOf("TCP", "UDP", "SCTP"), "Transport; the mesh carries TCP", "\"TCP\""),
        Required("port", PortNumber, "Port that clients call"),
        Optional("targetPort", new NumberOrTextType(PortNumber, Of(TextFormat.PortName)), "Port of the workload, by number or name; default: port"),
        Optional("appProtocol", Text(max: 317), "Application protocol, as kubernetes.io/h2c"),
        Optional("nodePort", Integer(0, 65535), "Kubernetes only"));

    public static readonly ObjectType Service = ObjectSchema.For(Of(TextFormat.DnsLabel1035), namespaced: true,
        Required("spec", Object(
            Optional("type", OneOf("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "How Kubernetes exposes the service", "\"ClusterIP\""),
            Optional("selector", Map(Of(TextFormat.LabelValue), TextFormat.LabelKey), "Labels of the workloads that are its endpoints; without it only EndpointSlices are"),
            Optional("ports", List(ServicePort, max: 100), "Ports that clients may call"),
            Optional("clusterIP", Of(TextFormat.ClusterAddress), "Virtual address, given when the service is created and then fixed; None for a headless service, whose name means its endpoints"),
            Optional("clusterIPs", List(Of(TextFormat.ClusterAddress), max: 2), "Virtual addresses, at most one of each family; the first is clusterIP"),
            Optional("externalName", Of(TextFormat.DnsSubdomain), "Host that stands behind a service of type ExternalName"),
            Optional("externalIPs", List(Of(TextFormat.IpAddress)), "Kubernetes only"),
            Optional("externalTrafficPolicy", OneOf("Cluster", "Local"), "Kubernetes only"),
            Optional("internalTrafficPolicy", OneOf("Cluster", "Local"), "Kubernetes only"),
            Optional("healthCheckNodePort", Integer(0, 65535), "Kubernetes only"),
            Optional("ipFamilies", List(OneOf("IPv4", "IPv6"), max: 2) with { Unique = true }, "Families of clusterIPs; default: IPv4"),
            Optional("ipFamilyPolicy", OneOf("SingleStack", "PreferDualStack", "RequireDualStack"), "Whether it has an address of one family or of both; default: SingleStack"),
            Optional("loadBalancerClass", PlainText, "Kubernetes only"),
            Optional("loadBalancerIP", PlainText, "Kubernetes only"),
            Optional("loadBalancerSourceRanges", List(PlainText), "Kubernetes only"),
            Optional("allocateLoadBalancerNodePorts", Flag, "Kubernetes only"),
            Optional("publishNotReadyAddresses", Flag, "True when endpoints count before they are ready"),
            Optional("sessionAffinity", OneOf("None", "ClientIP"), "Kubernetes only"),
            Optional("sessionAffinityConfig", Anything, "Kubernetes only"),
            Optional("trafficDistribution", PlainText, "Preference for near endpoints")) with
        {
            Rules = [PortsAreTold, PortsDiffer, ExternalNameIsWhole],
        }, "Ports and selection"));

    private static void PortsAreTold(RuleScope scope)
    {
        var ports = scope.Items("ports").ToList();
        if (ports.Count == 0 && scope.Node.Text("type") != "ExternalName" && scope.Node.Text("clusterIP") != "None")
            scope.Report(DiagnosticRule.Missing, "ports", "a service has at least one port", "add ports: [{name: http, port: 80}]");
        if (ports.Count < 2) return;
        for (var i = 0; i < ports.Count; i++)
        {
            if (ports[i].Text("name") is null)
                scope.At(ports[i], DiagnosticRule.Missing, $"ports[{i}].name", "a port needs a name when there are several", $"add name: {(i == 0 ? "http" : "admin")}");
        }
    }

    private static void PortsDiffer(RuleScope scope)
    {
        var names = new Dictionary<string, int>();
        var numbers = new Dictionary<string, int>();
        var i = 0;
        foreach (var port in scope.Items("ports"))
        {
            var number = $"{(port["port"] as ScalarNode)?.Text}/{port.Text("protocol") ?? "TCP"}";
            if (port.Text("name") is { } name && !names.TryAdd(name, i))
                scope.At(port, DiagnosticRule.DuplicateItem, $"ports[{i}].name", $"the name {name} stands already in ports[{names[name]}]", "give each port a name of its own");
            if (!numbers.TryAdd(number, i))
                scope.At(port, DiagnosticRule.DuplicateItem, $"ports[{i}].port", $"{number} stands already in ports[{numbers[number]}]", "remove one of the two");
            i++;
        }
    }

    private static void ExternalNameIsWhole(RuleScope scope)
    {
        var external = scope.Node.Text("type") == "ExternalName";
        if (external && !scope.Has("externalName"))
            scope.Report(DiagnosticRule.Missing, "externalName", "a service of type ExternalName names a host", "add externalName");
        if (external && scope.Has("selector"))
            scope.Contradiction("selector", "a service of type ExternalName has no endpoints to select", "remove selector, or the type");
    }
}
