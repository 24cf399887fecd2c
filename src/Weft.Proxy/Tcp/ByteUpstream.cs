using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Transport;
using Weft.Proxy.Upstream;
using Weft.Routing.Clusters;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Tcp;

/// <summary>
/// One attempt to reach an endpoint for one byte connection and, when it succeeds, the connection itself, which nobody shares. From its making to
/// <see cref="Release"/> it holds a place within the cluster's <c>max_connections</c> and counts as load of the endpoint, so that least request means least connections.
/// </summary>
internal sealed class ByteUpstream(ByteDialer dialer, WorkerContext context, BoundCluster cluster, Endpoint endpoint, TransportBinding transport, ConnectionEnds? announced)
    : Connector(context, cluster, endpoint, transport, announced)
{
    private Channel? _channel;
    private bool _released;

    /// <summary>Set once the dialer's owner has it.</summary>
    public Channel Channel => _channel ?? throw new InvalidOperationException("the connection is not open");

    /// <summary>When a certificate that the connection rests on ends, on the worker's clock; <see cref="long.MaxValue"/> without any.</summary>
    public long EndsMs { get; private set; } = long.MaxValue;

    /// <summary>Takes the places that <see cref="Release"/> gives back. False: the cluster has all the connections that it may have.</summary>
    public bool TryBegin()
    {
        if (!Cluster.State.Connections.TryAcquire(Cluster.Cluster.CircuitBreakers.MaxConnections)) return false;
        Endpoint.State.ConnectionOpened();
        Endpoint.State.BeginRequest();
        return true;
    }

    /// <summary>The connection has ended, or will never be.</summary>
    /// <param name="failed">It was the endpoint's doing.</param>
    public void Release(bool failed)
    {
        if (_released) return;
        _released = true;
        Endpoint.State.EndRequest(failed);
        Endpoint.State.ConnectionClosed();
        Cluster.State.Connections.Release();
    }

    protected override void Opened(Channel channel)
    {
        // A proxy that agreed on nothing, or on HTTP, would read the application's bytes as requests.
        if (Transport.IsMesh && channel.Peer?.Alpn != Binder.ByteAlpn)
        {
            channel.Close();
            OpenFailed(Fault.TlsFailure, $"endpoint {channel.Remote} does not take the bytes of connections (ALPN {Binder.ByteAlpn})");
            return;
        }
        _channel = channel;
        if (Transport.IsMesh) EndsMs = Math.Min(EndOf(channel.Peer?.NotAfter), EndOf(Transport.Context?.Certificate?.NotAfter));
        dialer.Opened(this);
    }

    protected override void OpenFailed(Fault fault, string detail) => dialer.Failed(this, fault, detail);

    private long EndOf(DateTimeOffset? certificate) =>
        certificate is { } end ? Context.Worker.NowMs + (long)(end - Context.Worker.Time.GetUtcNow()).TotalMilliseconds : long.MaxValue;
}
