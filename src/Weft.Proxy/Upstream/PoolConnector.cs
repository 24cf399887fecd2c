using Weft.Proxy.Configuration;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Transport;
using Weft.Routing.Clusters;
using Weft.Routing.Protocols;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>Opens a connection for a pool. The requests that wait for it stand in <see cref="Line"/>.</summary>
/// <param name="protocol">What was asked for: <see cref="UpstreamProtocol.Negotiated"/> until the handshake tells.</param>
internal sealed class PoolConnector(EndpointPool pool, BoundCluster cluster, Endpoint endpoint, TransportBinding transport, UpstreamProtocol protocol, ConnectionEnds? announced)
    : Connector(pool.Context, cluster, endpoint, transport, announced)
{
    public UpstreamProtocol Protocol => protocol;

    public WaitingLine Line { get; } = new();

    protected override void Opened(Channel channel) => pool.Opened(this, channel, SpeaksHttp2(channel));

    protected override void OpenFailed(Fault fault, string detail) => pool.OpenFailed(this, fault, detail);

    private bool SpeaksHttp2(Channel channel) => protocol switch
    {
        UpstreamProtocol.Http2 => true,
        UpstreamProtocol.Negotiated => channel.Peer?.Alpn is "h2" or "weft-h2",
        _ => false,
    };
}
