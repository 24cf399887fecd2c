using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;
using Weft.Routing.Protocols;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>
/// Opens one connection to an endpoint. Where the endpoint has several addresses they race (RFC 8305): each failure, and each
/// <see cref="UpstreamSettings.NextAddressDelay"/> without an answer, starts the next, and the first that is through its handshake wins.
/// The requests that wait for the connection stand in <see cref="Line"/>.
/// </summary>
internal sealed class Connector : IChannelHandler, ITimerHandler
{
    private readonly EndpointPool _pool;
    private readonly List<Channel> _racing = new(1);
    private readonly TimerNode _timer;
    private readonly long _deadlineMs;
    private int _nextAddress;
    private Fault _fault;
    private string _detail = "";

    public Connector(EndpointPool pool, BoundCluster cluster, Endpoint endpoint, TransportBinding transport, UpstreamProtocol protocol)
    {
        _pool = pool;
        Cluster = cluster;
        Endpoint = endpoint;
        Transport = transport;
        Protocol = protocol;
        _timer = new TimerNode(this);
        _deadlineMs = Context.Worker.NowMs + (long)cluster.Cluster.ConnectTimeout.TotalMilliseconds;
    }

    public BoundCluster Cluster { get; }

    public Endpoint Endpoint { get; }

    public TransportBinding Transport { get; }

    /// <summary>What was asked for: <see cref="UpstreamProtocol.Negotiated"/> until the handshake tells.</summary>
    public UpstreamProtocol Protocol { get; }

    public WaitingLine Line { get; } = new();

    private WorkerContext Context => _pool.Context;

    private int Addresses => 1 + Endpoint.AdditionalAddresses.Length;

    public void Start() => TryNext();

    public void OnOpen(Channel channel)
    {
        if (Endpoint.SpiffeId.Length > 0 && Transport.IsTls && channel.Peer?.SpiffeId != Endpoint.SpiffeId)
        {
            channel.Close();
            Failed(channel, Fault.TlsFailure, $"endpoint {channel.Remote} is {channel.Peer?.SpiffeId ?? "without an identity"} but {Endpoint.SpiffeId} was expected");
            return;
        }
        Context.Worker.Timers.Cancel(_timer);
        foreach (var other in _racing)
        {
            if (!ReferenceEquals(other, channel)) other.Close();
        }
        _racing.Clear();
        _pool.Opened(this, channel, SpeaksHttp2(channel));
    }

    public void OnFailed(Channel channel) => Failed(channel, FaultOf(channel.Failure), $"endpoint {channel.Remote}: {channel.FailureText}");

    /// <remarks>The handler is replaced when the channel opens.</remarks>
    public void OnReadable(Channel channel) { }

    public void OnWritable(Channel channel) { }

    /// <summary>The last address has not answered for a while: another one may.</summary>
    public void OnTimer(TimerNode node) => TryNext();

    private void TryNext()
    {
        var address = _nextAddress == 0 ? Endpoint.Address : Endpoint.AdditionalAddresses[_nextAddress - 1];
        _nextAddress++;
        var left = TimeSpan.FromMilliseconds(Math.Max(1, _deadlineMs - Context.Worker.NowMs)); // one limit for all of them together
        var own = Cluster.Cluster.Type == DiscoveryType.OriginalDestination ? Context.Admission.OwnConnections : null;
        _racing.Add(Context.Worker.Connect(address, Transport.Context, Transport.ServerName, left, this, new ConnectOptions(Cluster.Cluster.TcpKeepalive, NetworkNamespace: Cluster.Cluster.NetworkNamespace, Own: own)));
        if (_nextAddress < Addresses) Context.Worker.Timers.Schedule(_timer, (long)Context.UpstreamSettings.NextAddressDelay.TotalMilliseconds);
        else Context.Worker.Timers.Cancel(_timer);
    }

    private void Failed(Channel channel, Fault fault, string detail)
    {
        _racing.Remove(channel);
        (_fault, _detail) = (fault, _detail.Length == 0 ? detail : $"{_detail}; {detail}");
        if (_nextAddress < Addresses && Context.Worker.NowMs < _deadlineMs) TryNext();
        else if (_racing.Count == 0) _pool.OpenFailed(this, _fault, _detail);
    }

    private bool SpeaksHttp2(Channel channel) => Protocol switch
    {
        UpstreamProtocol.Http2 => true,
        UpstreamProtocol.Negotiated => channel.Peer?.Alpn is "h2" or "weft-h2",
        _ => false,
    };

    private static Fault FaultOf(ChannelFailure failure) => failure switch
    {
        ChannelFailure.ConnectTimeout => Fault.ConnectTimeout,
        ChannelFailure.TlsHandshake or ChannelFailure.TlsTimeout or ChannelFailure.TlsIdentity => Fault.TlsFailure,
        _ => Fault.ConnectFailure,
    };
}
