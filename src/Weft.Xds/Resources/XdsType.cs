namespace Weft.Xds;

/// <summary>The resource types that Weft speaks. Their order is the order of a push, make before break (xDS protocol, "Eventual consistency
/// considerations"): clusters before the endpoints in them, both before the listeners and routes that send to them.</summary>
public enum XdsType
{
    Cluster = 0,
    Endpoint = 1,
    Listener = 2,
    Route = 3,
    Secret = 4,

    /// <summary>A service by name or virtual address (weft.v1.Name). Nothing else refers to it, so it takes no part in the order.</summary>
    Name = 5,
}

/// <summary>What each <see cref="XdsType"/> is called.</summary>
public static class XdsTypes
{
    /// <summary>How many types there are: the length of an array indexed by type.</summary>
    public const int Count = 6;

    private static readonly string[] Messages =
    [
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "envoy.config.listener.v3.Listener",
        "envoy.config.route.v3.RouteConfiguration",
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        "weft.v1.Name",
    ];

    private static readonly string[] Urls = [.. Messages.Select(static name => "type.googleapis.com/" + name)];

    private static readonly string[] Services = ["CDS", "EDS", "LDS", "RDS", "SDS", "NDS"];

    /// <summary>Every type, in push order.</summary>
    public static IReadOnlyList<XdsType> All { get; } = [XdsType.Cluster, XdsType.Endpoint, XdsType.Listener, XdsType.Route, XdsType.Secret, XdsType.Name];

    /// <summary>The type URL of requests, responses and the <c>Any</c> around each resource.</summary>
    public static string TypeUrl(this XdsType type) => Urls[(int)type];

    /// <summary>The three-letter name that people use: CDS, EDS, LDS, RDS, SDS, NDS.</summary>
    public static string Service(this XdsType type) => Services[(int)type];

    /// <summary>Reads a type URL; false for a type that is not spoken.</summary>
    public static bool TryParse(string typeUrl, out XdsType type)
    {
        var index = Array.IndexOf(Urls, typeUrl);
        type = (XdsType)Math.Max(index, 0);
        return index >= 0;
    }
}
