using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Clusters;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>
/// Opens one connection to an endpoint. Where the endpoint has several addresses they race (RFC 8305): each failure, and each
/// <see cref="UpstreamSettings.NextAddressDelay"/> without an answer, starts the next, and the first that is through its handshake wins. With TLS it must prove the
/// endpoint's identity.
/// </summary>
internal abstract class Connector : IChannelHandler, ITimerHandler
{
    private readonly List<Channel> _racing = new(1);
    private readonly TimerNode _timer;
    private readonly long _deadlineMs;
    private int _nextAddress;
    private Fault _fault;
    private string _detail = "";

    protected Connector(WorkerContext context, BoundCluster cluster, Endpoint endpoint, TransportBinding transport, ConnectionEnds? announced)
    {
        Context = context;
        Cluster = cluster;
        Endpoint = endpoint;
        Transport = transport;
        Announced = announced;
        _timer = new TimerNode(this);
        _deadlineMs = Context.Worker.NowMs + (long)cluster.Cluster.ConnectTimeout.TotalMilliseconds;
    }

    public BoundCluster Cluster { get; }

    public Endpoint Endpoint { get; }

    public TransportBinding Transport { get; }

    /// <summary>Whom the connection serves alone, and is announced for; null where anybody may use it.</summary>
    public ConnectionEnds? Announced { get; }

    protected WorkerContext Context { get; }

    private int Addresses => 1 + Endpoint.AdditionalAddresses.Length;

    public void Start() => TryNext();

    /// <summary>Nobody wants the connection any more; nobody is told of it either.</summary>
    public void Cancel()
    {
        Context.Worker.Timers.Cancel(_timer);
        foreach (var channel in _racing) channel.Close();
        _racing.Clear();
    }

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
        Opened(channel);
    }

    public void OnFailed(Channel channel) => Failed(channel, FaultOf(channel.Failure), $"endpoint {channel.Remote}: {channel.FailureText}");

    /// <remarks>The handler is replaced when the channel opens.</remarks>
    public void OnReadable(Channel channel) { }

    public void OnWritable(Channel channel) { }

    /// <summary>The last address has not answered for a while: another one may.</summary>
    public void OnTimer(TimerNode node) => TryNext();

    /// <summary>Connected, through the handshake, and who it should be. The channel's handler is whoever takes it.</summary>
    protected abstract void Opened(Channel channel);

    /// <summary>There is no connection.</summary>
    /// <param name="detail">A clause for people: every address and why it failed.</param>
    protected abstract void OpenFailed(Fault fault, string detail);

    private void TryNext()
    {
        var address = _nextAddress == 0 ? Endpoint.Address : Endpoint.AdditionalAddresses[_nextAddress - 1];
        _nextAddress++;
        var left = TimeSpan.FromMilliseconds(Math.Max(1, _deadlineMs - Context.Worker.NowMs)); // one limit for all of them together
        var own = Cluster.Cluster.Type == DiscoveryType.OriginalDestination ? Context.Admission.OwnConnections : null;
        var header = Announced?.Header(Transport.Announces) ?? default;
        var options = new ConnectOptions(Cluster.Cluster.TcpKeepalive, header, Cluster.Cluster.NetworkNamespace, own);
        _racing.Add(Context.Worker.Connect(address, Transport.Context, Transport.ServerName, left, this, options));
        if (_nextAddress < Addresses) Context.Worker.Timers.Schedule(_timer, (long)Context.UpstreamSettings.NextAddressDelay.TotalMilliseconds);
        else Context.Worker.Timers.Cancel(_timer);
    }

    private void Failed(Channel channel, Fault fault, string detail)
    {
        _racing.Remove(channel);
        (_fault, _detail) = (fault, _detail.Length == 0 ? detail : $"{_detail}; {detail}");
        if (_nextAddress < Addresses && Context.Worker.NowMs < _deadlineMs) TryNext();
        else if (_racing.Count == 0) OpenFailed(_fault, _detail);
    }

    private static Fault FaultOf(ChannelFailure failure) => failure switch
    {
        ChannelFailure.ConnectTimeout => Fault.ConnectTimeout,
        ChannelFailure.TlsHandshake or ChannelFailure.TlsTimeout or ChannelFailure.TlsIdentity => Fault.TlsFailure,
        _ => Fault.ConnectFailure,
    };
}
