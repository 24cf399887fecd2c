using Google.Protobuf;
using Weft.Xds;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>The dynamic configuration that was in use at one moment: what a proxy that starts while its management server is away serves.</summary>
/// <param name="Node">The serialized envoy.config.core.v3.Node that it was given to. For another node it means nothing.</param>
/// <param name="SavedAt">When, by the wall clock; whole milliseconds.</param>
/// <param name="RequestedRoutes">Route configurations that requests had asked for by name.</param>
/// <param name="Resources">By type, in push order, as they were received, with the server's versions.</param>
internal sealed record SavedConfiguration(
    ByteString Node, DateTimeOffset SavedAt, IReadOnlyList<string> RequestedRoutes, IReadOnlyDictionary<XdsType, IReadOnlyList<XdsResource>> Resources)
{
    public int Count => Resources.Values.Sum(static r => r.Count);
}
