using Weft.Proxy.Access;
using Weft.Proxy.Buffers;
using Weft.Proxy.Configuration;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Tcp;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Tcp;

/// <summary>
/// One accepted connection whose bytes are passed on unread. States: Waiting (for its channel) -> Dialling (nothing is read: what the client sends waits in the kernel) -> Relaying
/// -> Over, from anywhere. A CONNECT is dialled before it is answered, so it comes with its upstream: <see cref="DialFor"/>, then <see cref="TakeOver"/> or a channel of its own.
/// </summary>
/// <param name="route">Where it goes, and its limits.</param>
/// <param name="cluster">The destination where that is known otherwise; null: the cluster that <paramref name="route"/> chooses.</param>
internal sealed class ByteServerConnection(WorkerContext context, DownstreamConnection connection, ByteRoute route, BoundCluster? cluster = null)
    : IServerConnection, IConnectServer, ITimerHandler, IByteDialOwner, IByteRelayOwner
{
    private readonly long _startedMicros = context.Worker.NowMicros;

    private TimerNode? _timer;
    private Channel? _downstream;
    private IByteConnectWaiter? _waiter;
    private ByteDialer? _dialer;
    private ByteUpstream? _upstream;
    private ByteRelay? _relay;
    private ConnectionSeries? _series;
    private ConnectionRecord _record;
    private long _lastActivityMs;
    private long _endsMs = long.MaxValue;
    private Fault _endsAs = Fault.MaxDuration;
    private bool _over;

    /// <inheritdoc/>
    public int ListIndex { get; set; } = -1;

    /// <inheritdoc/>
    public DownstreamConnection Connection => connection;

    // ---- beginning

    public void OnOpen(Channel channel)
    {
        _downstream = channel;
        connection.Opened(channel);
        context.Connections.Add(this);
        if (connection.Withdrawn is not null)
        {
            if (_upstream is null) Describe(destination: null);
            End(Fault.Denied);
        }
        else if (_upstream is null) Dial();
        else Relay(received: null, answer: default);
    }

    /// <summary>Dials before there is a channel: the client of a CONNECT is told how it went. <paramref name="waiter"/> may be called before this returns.</summary>
    public void DialFor(IByteConnectWaiter waiter)
    {
        _waiter = waiter;
        Dial();
    }

    /// <summary>The endpoint's channel, once <see cref="DialFor"/> has connected it and until there is a client: what it says can be looked at.</summary>
    public Channel Upstream => _upstream!.Channel;

    /// <summary>The client turned out to want something else: what was dialled is closed, and nothing is recorded, because nobody asked for it.</summary>
    public void Abandon()
    {
        if (_over) return;
        _over = true;
        _waiter = null;
        _dialer?.Cancel();
        if (_upstream is null) return;
        _upstream.Channel.Close();
        _upstream.Release(failed: false);
    }

    /// <inheritdoc/>
    /// <remarks>It has dialled for it: <see cref="DialFor"/>.</remarks>
    public void TakeOver(Channel channel, ByteBuffer? received, ReadOnlySpan<byte> answer)
    {
        _downstream = channel;
        context.Connections.Add(this);
        Relay(received, answer);
    }

    private void Dial()
    {
        if (connection.Refusal is { } limit)
        {
            Refuse(limit);
            return;
        }
        if (context.Admission.MemoryRefusal is { } memory)
        {
            context.Admission.CountRefusedRequest();
            Refuse(memory);
            return;
        }
        var name = cluster is null ? route.Choose(ref context.Chance).Name : "";
        var destination = cluster;
        if (destination is null && context.Config.Current.Clusters.Find(name) is { } chosen) destination = context.Destinations.Resolve(chosen, connection.OriginalDestination);
        Describe(destination);
        if (destination is null)
        {
            OnDialFailed(Fault.InvalidBackend, $"the cluster '{name}' of '{route.Name}' is not known");
            return;
        }
        _dialer = new ByteDialer(context, connection, this);
        _dialer.Start(destination, route.MaxConnectAttempts);
    }

    /// <summary>Whoever waits for the dial is told the limit. A client of bytes cannot be: the log is.</summary>
    private void Refuse(string limit)
    {
        if (_downstream is not null) context.Admission.Refusals.Add(RefusalReason.Limit, connection.ListenerName, _downstream.Remote, limit);
        OnDialFailed(Fault.Overloaded, limit);
    }

    /// <inheritdoc/>
    public void OnDialled(ByteUpstream upstream)
    {
        _upstream = upstream;
        _record.Attempts = _dialer!.Attempts;
        _dialer = null;
        DescribeEndpoint(upstream);
        var waiter = _waiter;
        _waiter = null;
        if (waiter is null)
        {
            Relay(received: null, answer: default);
            return;
        }
        upstream.Channel.Handler = this; // until the client's channel is there
        waiter.OnBytesConnected();
    }

    /// <inheritdoc/>
    /// <remarks>There is no answer that bytes could be given but a reset.</remarks>
    public void OnDialFailed(Fault fault, string detail)
    {
        _record.Attempts = _dialer?.Attempts ?? 0;
        _dialer = null;
        var waiter = _waiter;
        _waiter = null;
        End(fault);
        waiter?.OnBytesRefused(fault, detail);
    }

    private void Relay(ByteBuffer? received, ReadOnlySpan<byte> answer)
    {
        _series = context.Metrics.Connections(_record.Edge);
        _series.Opened();
        var now = context.Worker.NowMs;
        _lastActivityMs = now;
        _endsMs = Math.Min(_upstream!.EndsMs, connection.CertificatesEndMs);
        if (route.MaxConnectionDuration != Timeout.InfiniteTimeSpan) _endsMs = Math.Min(_endsMs, (_startedMicros / 1000) + (long)route.MaxConnectionDuration.TotalMilliseconds);
        _timer = new TimerNode(this);
        _relay = new ByteRelay(context.Worker, _downstream!, _upstream.Channel, this);
        _relay.Start(received, answer);
        if (_over) return;
        ScheduleTimer();
        BeginDrain(); // its chain may have gone while it dialled
    }

    // ---- the channels' events, until there is a relay

    /// <remarks>Nothing is read before both sides are open; the relay begins with reading.</remarks>
    public void OnReadable(Channel channel) { }

    public void OnWritable(Channel channel) { }

    public void OnFailed(Channel channel) => End(_upstream is not null && ReferenceEquals(channel, _upstream.Channel) ? Fault.UpstreamReset : Fault.DownstreamClosed);

    /// <inheritdoc/>
    /// <remarks>A client that ends its direction at once still reads; one that resets does not.</remarks>
    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) OnFailed(channel);
    }

    // ---- the relay's

    /// <inheritdoc/>
    public void OnMoved(long received, long sent)
    {
        _lastActivityMs = context.Worker.NowMs;
        _record.BytesReceived += received;
        _record.BytesSent += sent;
        _series!.Moved(received, sent);
    }

    /// <inheritdoc/>
    public void OnRelayEnded(Fault fault) => End(fault);

    // ---- time and ends

    /// <inheritdoc/>
    /// <remarks>Bytes have no word for it. A drain lets them go on until its time is over; where the chain itself is gone that time begins now.</remarks>
    public void BeginDrain()
    {
        if (!connection.IsSuperseded || _relay is null) return;
        var ends = context.Worker.NowMs + (long)context.Bytes.SupersededTime.TotalMilliseconds;
        if (ends >= _endsMs) return;
        (_endsMs, _endsAs) = (ends, Fault.Draining);
        ScheduleTimer();
    }

    /// <inheritdoc/>
    public void EndDrain() => End(Fault.Draining);

    /// <inheritdoc/>
    /// <remarks>Bytes have nothing that could be completed.</remarks>
    public void Withdraw(Withdrawals ending) => End(Fault.Denied);

    /// <inheritdoc/>
    public void CloseNow() => End(Fault.DownstreamClosed);

    /// <summary>Whoever waited for the dial waits no more: its client has gone.</summary>
    public void Cancel()
    {
        _waiter = null;
        End(Fault.DownstreamClosed);
    }

    public void OnTimer(TimerNode node)
    {
        var now = context.Worker.NowMs;
        if (now >= _endsMs) End(_endsAs);
        else if (now >= IdleDueMs) End(Fault.IdleTimeout);
        else ScheduleTimer(); // bytes have moved since it was set
    }

    /// <inheritdoc/>
    public void OnTimerFault(TimerNode node) => End(Fault.DownstreamClosed);

    private long IdleDueMs => route.IdleTimeout == Timeout.InfiniteTimeSpan ? long.MaxValue : _lastActivityMs + (long)route.IdleTimeout.TotalMilliseconds;

    private void ScheduleTimer()
    {
        var due = Math.Min(_endsMs, IdleDueMs);
        if (due != long.MaxValue) context.Worker.Timers.Schedule(_timer!, due - context.Worker.NowMs);
    }

    /// <summary>The one exit: a record into telemetry, everything given back, and whatever is still open reset, so that nobody takes what came for all there was.</summary>
    private void End(Fault fault)
    {
        if (_over) return;
        _over = true;
        if (_timer is not null) context.Worker.Timers.Cancel(_timer);
        context.Connections.Remove(this);
        _dialer?.Cancel();
        if (_relay is not null) _relay.Abort();
        else
        {
            _upstream?.Channel.Abort();
            _downstream?.Abort();
        }
        _upstream?.Release(failed: fault == Fault.UpstreamReset);
        if (_downstream is not null) connection.Closed();
        if (_series is null)
        {
            _series = context.Metrics.Connections(_record.Edge);
            _series.Opened();
        }
        _record.Fault = fault;
        _record.TotalMicros = context.Worker.NowMicros - _startedMicros;
        _series.Closed(_record);
    }

    // ---- the record

    private void Describe(BoundCluster? destination)
    {
        _record.Direction = connection.Direction;
        if (connection.Direction == Direction.Outbound)
        {
            _record.Source = context.Node.Service;
            if (destination is { Cluster.Service.Length: > 0 }) _record.Destination = destination.Cluster.Service;
        }
        else
        {
            _record.Security = connection.Security;
            _record.PeerIdentity = connection.Peer?.SpiffeId;
            _record.Destination = context.Node.Service;
            _record.DestinationVersion = context.Node.Version;
        }
    }

    private void DescribeEndpoint(ByteUpstream upstream)
    {
        if (connection.Direction != Direction.Outbound) return;
        _record.PeerIdentity = upstream.Channel.Peer?.SpiffeId;
        _record.Security = upstream.Transport.IsMesh ? ChannelSecurity.Mtls : ChannelSecurity.None;
        _record.DestinationVersion = upstream.Endpoint.Version;
        if (upstream.Endpoint.Service.Length > 0) _record.Destination = upstream.Endpoint.Service;
    }
}

/// <summary>Waits until a CONNECT has a connection to be connected to. Exactly one of the two is called, once, unless <see cref="ByteServerConnection.Cancel"/> comes before.</summary>
internal interface IByteConnectWaiter
{
    /// <summary>Its client may be told so, and its channel given up.</summary>
    void OnBytesConnected();

    /// <param name="detail">A clause for people.</param>
    void OnBytesRefused(Fault fault, string detail);
}
