using Weft.Proxy.Http2;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Protocols;

namespace Weft.Proxy.Upstream;

/// <summary>
/// One HTTP/2 connection in its pool: as many streams at once as the peer and the cluster allow, each lent to one exchange after the other.
/// It takes no more when the peer says GOAWAY, and ends with its last stream.
/// </summary>
internal sealed class Http2ClientConnection : ClientConnection
{
    private readonly Wire _wire;
    private readonly Stack<Http2ClientStream> _spare = new();
    private readonly List<Http2ClientStream> _awaitingSettings = [];

    public Http2ClientConnection(EndpointPool pool, Connector opened, Channel channel) : base(pool, opened, channel)
    {
        _wire = new Wire(this, SettingsOf(opened));
        if (opened.Transport.IsMesh) Session.MeshForm = Context.Form;
        channel.Handler = _wire;
        _wire.OnOpen(channel);
    }

    public Http2Session Session => _wire.Session;

    public bool IsReused => Requests > 1;

    public int MaxInterimResponses => Context.UpstreamSettings.MaxInterimResponses;

    protected override int MaxStreams => Math.Min(
        Session.HavePeerSettings ? Session.PeerMaxStreams : Math.Min(Session.PeerMaxStreams, Pool.ExpectedStreams), Cluster.Cluster.Http2.MaxConcurrentStreams);

    protected override bool TakesRequests => !Session.IsExhausted;

    public override bool Speaks(UpstreamProtocol protocol) => protocol is UpstreamProtocol.Http2 or UpstreamProtocol.Negotiated;

    /// <summary>What streams have written leaves at the end of this turn of the loop, all of it together.</summary>
    public void ScheduleFlush() => _wire.ScheduleFlush();

    public void Report(string state, Exception exception) => Context.Worker.Report("exchange", state, exception);

    /// <summary>The stream hears when the peer's SETTINGS have come.</summary>
    public void AwaitSettings(Http2ClientStream stream) => _awaitingSettings.Add(stream);

    /// <summary>The stream and its exchange have ended: the object serves another request.</summary>
    public void Recycle(Http2ClientStream stream)
    {
        _awaitingSettings.Remove(stream);
        _spare.Push(stream);
        GiveBack(reusable: true);
    }

    protected override UpstreamStream TakeStream() => _spare.TryPop(out var stream) ? stream : new Http2ClientStream(this);

    /// <inheritdoc/>
    /// <remarks>With a GOAWAY, and once everything is written.</remarks>
    protected override void Shut()
    {
        _spare.Clear();
        _wire.EndNow();
    }

    /// <summary>The peer allows more streams than before, or a stream has ended.</summary>
    private void OnCapacity()
    {
        if (Session.HavePeerSettings)
        {
            Pool.ExpectedStreams = Session.PeerMaxStreams;
            foreach (var stream in TakeAwaiting()) stream.OnSettings();
        }
        if (IsReady) return;
        RetireIfOver();
        if (Capacity > 0) Pool.Offer(this);
    }

    private void OnEnded(string detail)
    {
        foreach (var stream in TakeAwaiting()) stream.Unsaid(detail); // all others are the session's, which has told them
        Close();
    }

    private Http2ClientStream[] TakeAwaiting()
    {
        if (_awaitingSettings.Count == 0) return [];
        Http2ClientStream[] streams = [.. _awaitingSettings];
        _awaitingSettings.Clear();
        return streams;
    }

    /// <summary>Between Weft proxies a dead peer must be noticed although nobody configured how.</summary>
    private Http2Settings SettingsOf(Connector opened)
    {
        var cluster = opened.Cluster.Cluster;
        var options = cluster.Http2;
        if (opened.Transport.IsMesh && options.Keepalive == Http2Keepalive.None) options = options with { Keepalive = Context.UpstreamSettings.MeshKeepalive };
        // HTTP/2 counts 32 bytes more for each field (RFC 9113 section 6.5.2): the limit is on the same heads as over HTTP/1.
        return Http2Settings.From(options, cluster.MaxResponseHeadersBytes + (32 * cluster.MaxResponseHeadersCount), cluster.MaxResponseHeadersCount, Http2Settings.Default.StallMs);
    }

    /// <summary>The connection's other face: the one that the channel and the session see.</summary>
    private sealed class Wire(Http2ClientConnection connection, Http2Settings settings) : Http2Connection(connection.Context.Worker, Http2Role.Client, settings)
    {
        public void EndNow() => End();

        public override Http2Stream? Accept() => null; // a server opens no streams: push is off

        public override void OnGoAway(Http2ErrorCode code) => connection.Retire();

        public override void OnCapacity() => connection.OnCapacity();

        protected override void OnOpened(Channel channel) { }

        protected override void OnEnded(string detail) => connection.OnEnded(detail);
    }
}
