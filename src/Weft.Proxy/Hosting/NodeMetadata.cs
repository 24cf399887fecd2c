using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Proxy.Hosting;

/// <summary>What the bootstrap's node says of the workload beside the proxy (metadata <c>weft.dev</c>).</summary>
internal sealed record NodeMetadata(string Namespace, string Service, string Version)
{
    /// <summary><c>namespace/name</c>; empty when the node does not say.</summary>
    public string ServiceKey => Namespace.Length > 0 && Service.Length > 0 ? $"{Namespace}/{Service}" : "";

    public static NodeMetadata Of(Node node)
    {
        var weft = node.Metadata?.Fields.GetValueOrDefault("weft.dev")?.StructValue;
        return new NodeMetadata(Text(weft, "namespace"), Text(weft, "service"), Text(weft, "version"));
    }

    private static string Text(Struct? metadata, string name) =>
        metadata?.Fields.GetValueOrDefault(name) is { KindCase: Value.KindOneofCase.StringValue } value ? value.StringValue : "";
}
