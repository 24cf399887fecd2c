using System.Collections.Immutable;
using System.Globalization;
using Weft.Control.Model;
using Weft.Resources;

namespace Weft.Control.Translation;

/// <summary>The fixed names of Weft's xDS resources and metadata.</summary>
public static class XdsNames
{
    /// <summary>Client feature of nodes that understand <c>weft.v1</c> and <c>weft.dev</c>.</summary>
    public const string ClientFeature = "weft.v1";

    /// <summary>Client feature of nodes that pass bytes on.</summary>
    public const string BytesFeature = "weft.v1.bytes";

    /// <summary>Key of Weft's metadata on nodes, clusters and endpoints.</summary>
    public const string Metadata = "weft.dev";

    /// <summary>Field of Weft's metadata on listeners and clusters: path of the network namespace that their sockets are made in.</summary>
    public const string NetworkNamespace = "network_namespace";

    /// <summary>Field of Weft's metadata on connections: the server name that their TLS asks for (SNI), in lower case.</summary>
    public const string RequestedServerName = "requested_server_name";

    /// <summary>In the metadata of a route configuration of a port that declares nothing: what clients of it speak, as others have found out.</summary>
    public const string Clients = "clients";

    /// <summary>Key that Envoy compares with a cluster's transport_socket_matches.</summary>
    public const string TransportSocketMatch = "envoy.transport_socket_match";

    /// <summary>ALPN of HTTP/2 between Weft proxies, which <c>meshProtocol: Http1</c> switches off.</summary>
    public const string MeshHttp2Alpn = "weft-h2";

    /// <summary>ALPN of HTTP/1.1 between Weft proxies.</summary>
    public const string MeshHttp1Alpn = "weft-h1";

    /// <summary>ALPN of the bytes of one connection between Weft proxies.</summary>
    public const string MeshBytesAlpn = "weft-tcp";

    /// <summary>Secret with the proxy's own certificate and key: never sent, the proxy has it.</summary>
    public const string OwnCertificateSecret = "default";

    /// <summary>Secret with the roots of the trust domain.</summary>
    public const string RootsSecret = "ROOTCA";

    /// <summary>The forward proxy's listener.</summary>
    public const string OutboundListener = "outbound";

    /// <summary>The listener of redirected connections.</summary>
    public const string TransparentListener = "transparent";

    /// <summary>The listener of questions for names.</summary>
    public const string NamesListener = "names";

    private const string BytesPrefix = "tcp:";

    /// <summary>
    /// The cluster that never exists. A split whose one backend is invalid sends that backend's share here, and the route says that an unknown
    /// cluster is answered 500 (<c>cluster_not_found_response_code</c>): any xDS client then fails exactly that share, as Gateway API asks.
    /// A subscription to it is answered at once that there is no such resource.
    /// </summary>
    public const string InvalidBackendCluster = "invalid-backend";

    /// <summary>What proxies offer each other, the most wanted first.</summary>
    public static ImmutableArray<string> MeshAlpn(MeshProtocol protocol) => protocol == MeshProtocol.Http2 ? [MeshHttp2Alpn, MeshHttp1Alpn] : [MeshHttp1Alpn];

    /// <summary>Cluster of a service's port for bytes; that for requests has the bare name. They share their endpoints.</summary>
    public static string Bytes(ServicePortKey port) => BytesPrefix + port;

    /// <summary>The port of <see cref="Bytes"/>'s name; false for other names.</summary>
    public static bool TryBytes(string name, out ServicePortKey port)
    {
        port = default;
        return name.StartsWith(BytesPrefix, StringComparison.Ordinal) && ServicePortKey.TryParse(name[BytesPrefix.Length..], out port);
    }

    /// <summary>Listener and cluster of an application's port.</summary>
    public static string Inbound(int applicationPort) => "inbound:" + applicationPort.ToString(CultureInfo.InvariantCulture);

    /// <summary>Listener of a local port that leads to one service.</summary>
    public static string Upstream(int localPort) => "upstream:" + localPort.ToString(CultureInfo.InvariantCulture);

    /// <summary>The port of <see cref="Inbound"/>'s name; false for other names.</summary>
    public static bool TryInbound(string name, out int port)
    {
        port = 0;
        return name.StartsWith("inbound:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(8), NumberStyles.None, CultureInfo.InvariantCulture, out port);
    }
}
