using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Security;
using Weft.Proxy.Transport;
using Weft.Routing.Clusters;
using Weft.Routing.Protocols;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One open connection to an endpoint, whatever it speaks. Its pool lends its streams to exchanges, one at a time (HTTP/1) or many (HTTP/2).
/// States: open (in the pool while it has capacity) -> retiring (lends nothing more, ends with its last stream) -> closed.
/// </summary>
internal abstract class ClientConnection
{
    private readonly ConnectionLifetime _lifetime;
    private bool _retiring;

    protected ClientConnection(EndpointPool pool, Connector opened, Channel channel)
    {
        Pool = pool;
        Cluster = opened.Cluster;
        Endpoint = opened.Endpoint;
        Transport = opened.Transport;
        Announced = opened.Announced;
        _lifetime = ConnectionLifetime.Of(Cluster.Cluster, Transport, channel, pool.Context);
        IdleSinceMs = pool.Context.Worker.NowMs;
    }

    public BoundCluster Cluster { get; }

    public Endpoint Endpoint { get; }

    public TransportBinding Transport { get; }

    /// <summary>Whom it serves alone; null where anybody may use it.</summary>
    public ConnectionEnds? Announced { get; }

    /// <summary>The context that it was made under; null for plaintext.</summary>
    public ClientTls? Tls => Transport.Context;

    /// <summary>Streams that may be lent now.</summary>
    public int Capacity => IsClosed || _retiring || !TakesRequests ? 0 : Math.Max(0, Math.Min(MaxStreams - Streams, _lifetime.MaxRequests - Requests));

    public bool IsClosed { get; private set; }

    /// <summary>Its place among the pool's connections with capacity; kept by the pool.</summary>
    internal bool IsReady { get; set; }

    /// <summary>It only finishes what it has: nobody waits for it any more; kept by the pool.</summary>
    internal bool IsRetired { get; set; }

    protected EndpointPool Pool { get; }

    protected WorkerContext Context => Pool.Context;

    /// <summary>Streams that are lent and have not come back.</summary>
    protected int Streams { get; private set; }

    /// <summary>Requests that it was ever lent for.</summary>
    protected int Requests { get; private set; }

    /// <summary>When its last stream came back.</summary>
    protected long IdleSinceMs { get; private set; }

    /// <summary>Streams that the peer and we allow at once.</summary>
    protected abstract int MaxStreams { get; }

    /// <summary>False once the peer has said that it serves no more requests.</summary>
    protected abstract bool TakesRequests { get; }

    /// <summary>How long it may lie idle, in milliseconds.</summary>
    protected virtual long IdleLimitMs => Cluster.Cluster.IdleTimeout == Timeout.InfiniteTimeSpan ? long.MaxValue : (long)Cluster.Cluster.IdleTimeout.TotalMilliseconds;

    /// <summary>Whether it may be lent for <paramref name="request"/>.</summary>
    public bool Suits(ConnectionRequest request) => Speaks(request.Protocol) && Equals(Announced, request.Announced);

    /// <summary>Whether it speaks what is asked for. Who leaves it to the handshake takes either.</summary>
    public abstract bool Speaks(UpstreamProtocol protocol);

    /// <summary>Too old, in time or requests, or idle for too long.</summary>
    public bool IsExpired(long nowMs) =>
        nowMs >= _lifetime.ExpiresMs || Requests >= _lifetime.MaxRequests || Streams == 0 && nowMs - IdleSinceMs >= (Announced is null ? IdleLimitMs : Math.Min(IdleLimitMs, (long)Context.UpstreamSettings.AnnouncedIdle.TotalMilliseconds));

    /// <summary>Serves <paramref name="waiter"/> next; there must be <see cref="Capacity"/>.</summary>
    public void Lend(IConnectionWaiter waiter)
    {
        Streams++;
        Requests++;
        waiter.OnConnection(TakeStream());
    }

    /// <summary>Lends nothing more, and closes as soon as nothing is lent.</summary>
    public void Retire()
    {
        if (_retiring || IsClosed) return;
        _retiring = true;
        if (Streams == 0) Close();
        else Pool.Retired(this);
    }

    /// <summary>Closes without a word to the exchanges.</summary>
    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        Shut();
        Pool.Closed(this);
    }

    /// <summary>A stream for the exchange that comes next.</summary>
    protected abstract UpstreamStream TakeStream();

    /// <summary>Closes the channel and gives back what it holds.</summary>
    protected abstract void Shut();

    /// <summary>A stream has come back. The connection goes on if it may, else it ends with its last stream.</summary>
    /// <param name="reusable">False: nothing more may be sent on it.</param>
    protected void GiveBack(bool reusable)
    {
        Streams--;
        if (IsClosed) return;
        if (Streams == 0) IdleSinceMs = Context.Worker.NowMs;
        if (!reusable) _retiring = true;
        RetireIfOver();
        if (Capacity > 0) Pool.Offer(this);
        else if (Streams == 0) Close();
    }

    /// <summary>Retires when its time is over, or its certificate's.</summary>
    protected void RetireIfOver()
    {
        if (!Pool.IsCurrent(Tls) || IsExpired(Context.Worker.NowMs)) Retire();
    }
}
