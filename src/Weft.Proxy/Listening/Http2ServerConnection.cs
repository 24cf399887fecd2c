using Weft.Proxy.Buffers;
using Weft.Proxy.Configuration;
using Weft.Proxy.Http2;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Listening;

/// <summary>
/// One accepted HTTP/2 connection: each request is a stream with an <see cref="Exchange"/> of its own. It ends in the order that lets no request fall between two chairs
/// (RFC 9113 section 6.8): GOAWAY without a limit; a round trip later GOAWAY with the last id that was taken; when the last stream has ended, the connection.
/// </summary>
internal sealed class Http2ServerConnection : Http2Connection, IServerConnection
{
    /// <summary>How long the first GOAWAY may take to be known to the client, when its PING is not answered sooner.</summary>
    private const long GoAwayGraceMs = 1000;

    /// <summary>A connection that was idle for so long gives up the objects of its streams.</summary>
    private const long KeepStreamsMs = 10_000;

    private const ulong DrainPing = 0x77656674_6472616e; // "weftdran"

    private readonly WorkerContext _context;
    private readonly DownstreamConnection _connection;
    private readonly Stack<Http2ServerStream> _spare = new();
    private readonly List<Http2ServerStream> _leaving = [];
    private int _busy;
    private bool _draining;
    private long _drainMs = long.MaxValue;
    private long _leavingDueMs = long.MaxValue;
    private long _idleSinceMs;

    public Http2ServerConnection(WorkerContext context, DownstreamConnection connection) : base(context.Worker, Http2Role.Server, connection.Chain.Http2)
    {
        _context = context;
        _connection = connection;
    }

    /// <inheritdoc/>
    public int ListIndex { get; set; } = -1;

    /// <inheritdoc/>
    public DownstreamConnection Connection => _connection;

    private ConnectionLimits Limits => _connection.Limits;

    /// <summary>The channel that all streams share.</summary>
    public Channel Under => Channel;

    /// <summary>Goes on with a channel on which an HTTP/1 connection has found the HTTP/2 preface.</summary>
    /// <param name="input">What it has read; given up to this connection.</param>
    /// <param name="readable">There may be more to read.</param>
    public void Continue(Channel channel, ByteBuffer input, bool readable) => TakeOver(channel, input, readable);

    /// <inheritdoc/>
    public void BeginDrain()
    {
        if (_draining || IsClosed) return;
        _draining = true;
        Session.AnnounceGoAway();
        Session.Ping(DrainPing);
        _drainMs = Worker.NowMs + GoAwayGraceMs;
        ScheduleTimer();
        ScheduleFlush();
    }

    /// <inheritdoc/>
    public void CloseNow() => Finish("the proxy ends", reset: true);

    // ---- the session's and the channel's events

    public override Http2Stream? Accept()
    {
        _busy++;
        _connection.CountRequest();
        if (_connection.IsEnding) BeginDrain();
        if (!_spare.TryPop(out var stream)) stream = new Http2ServerStream(_context, _connection, this);
        return stream.Stream;
    }

    public override void OnGoAway(Http2ErrorCode code) { }

    public override void OnPong(ulong opaque)
    {
        if (opaque == DrainPing) EndDrain();
    }

    protected override void OnOpened(Channel channel)
    {
        _connection.Opened(channel);
        if (_connection.IsMesh) Session.MeshForm = _context.Form;
        _context.Connections.Add(this);
        _idleSinceMs = Worker.NowMs;
    }

    protected override void OnEnded(string detail)
    {
        _context.Connections.Remove(this);
        _connection.Closed();
        _spare.Clear();
    }

    // ---- streams

    /// <summary>The stream and its exchange have ended: the object serves the next request.</summary>
    public void Recycle(Http2ServerStream stream)
    {
        if (stream.IsLeaving)
        {
            stream.IsLeaving = false;
            _leaving.Remove(stream);
        }
        _busy--;
        if (IsClosed) return;
        _spare.Push(stream);
        if (_busy > 0) return;
        _idleSinceMs = Worker.NowMs;
        if (Session.HasGoneAway) End();
        ScheduleTimer();
    }

    /// <summary>The exchange of <paramref name="stream"/> has ended and its last bytes wait for the client, who may never take them.</summary>
    public void AddLeaving(Http2ServerStream stream)
    {
        stream.IsLeaving = true;
        stream.LeavingSinceMs = Worker.NowMs;
        _leaving.Add(stream);
        if (_leavingDueMs == long.MaxValue && Limits.StreamIdleMs != ConnectionLimits.None) _leavingDueMs = Worker.NowMs + Limits.StreamIdleMs;
        ScheduleTimer();
    }

    // ---- time

    protected override long HeadTimeoutMs => Limits.RequestHeadersMs != ConnectionLimits.None ? Limits.RequestHeadersMs : Limits.StreamIdleMs;

    protected override long DueMs => Math.Min(Math.Min(_drainMs, _leavingDueMs), Math.Min(_draining ? long.MaxValue : _connection.EndsMs, IdleDueMs));

    /// <summary>One that was opened while the proxy drains is not told so before its first request: clients take GOAWAY within the handshake for a server that does not work.</summary>
    private long IdleMs => _connection.IsEnding ? Math.Min(Limits.IdleMs, _context.IdleGraceMs) : Limits.IdleMs;

    private long IdleDueMs
    {
        get
        {
            if (_busy > 0) return long.MaxValue;
            if (_spare.Count > 0) return _idleSinceMs + Math.Min(KeepStreamsMs, IdleMs);
            return IdleMs == ConnectionLimits.None ? long.MaxValue : _idleSinceMs + IdleMs;
        }
    }

    protected override void OnDue(long nowMs)
    {
        if (nowMs >= _drainMs) EndDrain();
        if (nowMs >= _leavingDueMs) EndLeaving(nowMs);
        if (nowMs >= _connection.EndsMs) BeginDrain();
        if (_busy > 0) return;
        if (nowMs - _idleSinceMs >= KeepStreamsMs) _spare.Clear();
        if (IdleMs != ConnectionLimits.None && nowMs - _idleSinceMs >= IdleMs) End();
    }

    private void EndDrain()
    {
        if (_drainMs == long.MaxValue) return;
        _drainMs = long.MaxValue;
        Session.GoAway();
        if (_busy == 0) End();
        ScheduleFlush();
    }

    /// <summary>Who takes nothing for the stream's idle limit gets the rest no more; what waited goes back to the pool.</summary>
    private void EndLeaving(long nowMs)
    {
        _leavingDueMs = long.MaxValue;
        for (var i = _leaving.Count - 1; i >= 0; i--)
        {
            if (i >= _leaving.Count) continue;
            var due = _leaving[i].DueAfterProgress(nowMs, Limits.StreamIdleMs);
            if (due > nowMs) _leavingDueMs = Math.Min(_leavingDueMs, due);
            else _leaving[i].Stream.Reset(Http2ErrorCode.Cancel);
        }
    }
}
