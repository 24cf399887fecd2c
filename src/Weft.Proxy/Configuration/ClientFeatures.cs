using Envoy.Config.Core.V3;

namespace Weft.Proxy.Configuration;

/// <summary>What this build understands beyond xDS as it was when the bootstrap's words for it were chosen. The proxy says it itself: a bootstrap is older than the proxy that reads it whenever
/// only the proxy was replaced, and a management server must not send what the one beside an application cannot carry out.</summary>
internal static class ClientFeatures
{
    private const string Weft = "weft.v1";

    /// <summary>Bytes: <c>connect_matcher</c>, the TCP proxy, detection, ALPN <c>weft-tcp</c>, and interception, which needs them.</summary>
    private const string Bytes = "weft.v1.bytes";

    /// <summary>The node as the management server is told of it. One that does not speak of Weft's own words is left as it is.</summary>
    public static Node Announce(Node node)
    {
        if (!node.ClientFeatures.Contains(Weft) || node.ClientFeatures.Contains(Bytes)) return node;
        var told = node.Clone();
        told.ClientFeatures.Add(Bytes);
        return told;
    }
}
