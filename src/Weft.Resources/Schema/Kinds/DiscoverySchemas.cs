using System.Net;
using System.Net.Sockets;
using Weft.Resources.Documents;
using static Weft.Resources.Schema.Types;

namespace Weft.Resources.Schema.Kinds;

/// <summary>discovery.k8s.io/v1 EndpointSlice and coordination.k8s.io/v1 Lease, as published.</summary>
internal static class DiscoverySchemas
{
    private static readonly ObjectType Conditions = Object(
        Optional("ready", Flag, "True when it takes new requests; absent counts as true"),
        Optional("serving", Flag, "Like ready, and still true while it terminates"),
        Optional("terminating", Flag, "True when it is about to go"));

    private static readonly ObjectType Endpoint = Object(
        Required("addresses", List(Text(min: 1), min: 1, max: 100), "Addresses of one endpoint; consumers use the first"),
        Optional("conditions", Conditions, "Whether it takes requests"),
        Optional("hostname", Of(TextFormat.DnsLabel), "Host name of the endpoint"),
        Optional("nodeName", PlainText, "Machine that it runs on"),
        Optional("zone", PlainText, "Zone that it runs in"),
        Optional("targetRef", Anything, "Object behind the endpoint"),
        Optional("hints", Anything, "Which zones should use it"),
        Optional("deprecatedTopology", Anything, "Not used any more"));

    private static readonly ObjectType Port = Object(
        Optional("name", PlainText, "Name of the Service port that it serves"),
        Optional("protocol", OneOf("TCP", "UDP", "SCTP"), "Transport", "\"TCP\""),
        Optional("port", PortNumber, "Port number at each address"),
        Optional("appProtocol", PlainText, "Application protocol"));

    public static readonly ObjectType EndpointSlice = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Required("addressType", OneOf("IPv4", "IPv6", "FQDN"), "What the addresses are"),
        Required("endpoints", List(Endpoint, max: 1000), "The endpoints"),
        Optional("ports", List(Port, max: 100) with { KeyedBy = ["name"] }, "Ports that every endpoint serves")) with
    {
        Rules = [AddressesAreOfTheType],
    };

    public static readonly ObjectType Lease = ObjectSchema.For(Of(TextFormat.DnsSubdomain), namespaced: true,
        Optional("spec", Object(
            Optional("holderIdentity", PlainText, "Who holds the lease"),
            Optional("leaseDurationSeconds", Integer(1, int.MaxValue), "How long it lasts after its renewal, in seconds"),
            Optional("acquireTime", Of(TextFormat.Timestamp), "When the holder took it"),
            Optional("renewTime", Of(TextFormat.Timestamp), "When the holder last renewed it"),
            Optional("leaseTransitions", Integer(0, int.MaxValue), "How often it changed hands"),
            Optional("strategy", PlainText, "Kubernetes only"),
            Optional("preferredHolder", PlainText, "Kubernetes only")), "The holder and the time"));

    private static void AddressesAreOfTheType(RuleScope scope)
    {
        var type = scope.Node.Text("addressType");
        var i = 0;
        foreach (var endpoint in scope.Items("endpoints"))
        {
            var addresses = endpoint["addresses"] is ListNode list ? list.Items : [];
            for (var j = 0; j < addresses.Length; j++)
            {
                if (addresses[j] is ScalarNode address && !IsOfType(address.Text, type))
                    scope.At(address, DiagnosticRule.Contradiction, $"endpoints[{i}].addresses[{j}]", $"\"{address.Text}\" is no {type} address", "write the address, or another addressType");
            }
            i++;
        }
    }

    private static bool IsOfType(string address, string? type) => type switch
    {
        "FQDN" => TextFormat.PreciseHostname.Check(address),
        "IPv4" => TextFormat.IpAddress.Check(address) && IPAddress.Parse(address).AddressFamily == AddressFamily.InterNetwork,
        _ => TextFormat.IpAddress.Check(address) && IPAddress.Parse(address).AddressFamily == AddressFamily.InterNetworkV6,
    };
}
