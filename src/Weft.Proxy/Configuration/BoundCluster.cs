using System.Collections.Immutable;
using Weft.Proxy.Security;
using Weft.Routing.Clusters;
using Weft.Routing.Listeners;

namespace Weft.Proxy.Configuration;

/// <summary>A cluster with everything that a request needs of it in one object: what was configured, where it is now, what lives on.</summary>
/// <param name="Cluster">As configured.</param>
/// <param name="Endpoints">Where it is in this version.</param>
/// <param name="State">Shared by all versions.</param>
/// <param name="Tls">By index of <see cref="Cluster.Transports"/>; null for plaintext. <see cref="TlsPending"/> marks one whose secret has not arrived.</param>
internal sealed record BoundCluster(Cluster Cluster, EndpointSet Endpoints, ClusterState State, ImmutableArray<TransportBinding> Tls);

/// <summary>How to secure a connection: plaintext, or TLS by a context that exists or is still waited for.</summary>
/// <param name="IsTls">False: plaintext.</param>
/// <param name="Context">Null with <paramref name="IsTls"/>: its certificate or trust bundle has not arrived; connections fail as tls-failure, never as plaintext.</param>
/// <param name="ServerName">SNI to send; may be empty.</param>
/// <param name="IsMesh">True when the settings offer Weft's own ALPN: the peer is a Weft proxy.</param>
/// <param name="Announces">A PROXY header of this version goes first: a connection serves one client alone.</param>
internal sealed record TransportBinding(bool IsTls, ClientTls? Context, string ServerName, bool IsMesh, ProxyProtocolVersions Announces = ProxyProtocolVersions.None)
{
    public static TransportBinding Plaintext { get; } = new(false, null, "", false);
}
