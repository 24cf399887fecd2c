using Weft.Proxy.Buffers;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Mesh;

namespace Weft.Proxy.Http2;

internal enum Http2Role : byte
{
    Client,
    Server,
}

/// <summary>
/// One HTTP/2 connection without its socket (RFC 9113), for both roles: received bytes go into <see cref="Receive"/>, bytes to send gather in <see cref="Output"/>, and
/// streams hear of what concerns them. It knows no clock (the caller tells the time) and does no input or output.
/// </summary>
/// <remarks>
/// How a client uses it: keep one <see cref="Http2Stream"/> per request object; <see cref="Open"/> it while <see cref="CanOpen"/>; write the head between
/// <see cref="Http2Stream.BeginHead"/> and <see cref="Http2Stream.EndHead"/>, then <see cref="Http2Stream.Write"/> and <see cref="Http2Stream.WriteEnd"/>. The response comes as
/// <see cref="IHttp2StreamEvents.OnHead"/> (more than once with interim ones), OnData, OnEnd; OnClosed or OnAborted is the last word. A client's stream is resumed
/// from the start; a server's waits for <see cref="Http2Stream.Resume"/>.
/// Parts: Receive (frames in), Heads (field blocks in), Inbox (bodies in), Send (frames out).
/// </remarks>
internal sealed partial class Http2Session
{
    private readonly Http2Role _role;
    private readonly Http2Settings _settings;
    private readonly IHttp2SessionEvents _events;
    private readonly BufferPool _buffers;
    private readonly StreamTable _streams = new();
    private readonly List<Http2Stream> _scratchList = [];
    private readonly List<Http2Stream> _touched = [];
    private readonly HpackEncoder _encoder;
    private readonly HpackDecoder _decoder;
    private readonly FieldBlock _fields = new(); // trailers, responses, and heads of streams that are not open
    private PeerSettings _peer = new();
    private SendWindow _sendWindow = new(PeerSettings.DefaultWindow);
    private ReceiveWindow _receiveWindow = new(PeerSettings.DefaultWindow);
    private StreamHistory _history;
    private FaultBudget _budget;
    private int _noiseAllowed;
    private int _nextId = 1;
    private int _lastPeerId;
    private int _acceptUpTo = int.MaxValue;
    private bool _settingsAcknowledged;

    public Http2Session(Http2Role role, Http2Settings settings, IHttp2SessionEvents events, BufferPool buffers)
    {
        _role = role;
        _settings = settings;
        _events = events;
        _buffers = buffers;
        Output = new OutputChain(buffers);
        _budget = new FaultBudget(settings.FaultBurst, settings.FaultsPerSecond);
        _encoder = new HpackEncoder(settings.HeaderTableBytes);
        _decoder = new HpackDecoder(new HpackLimits { MaxListBytes = settings.MaxHeaderListBytes, MaxFields = settings.MaxFields + 5 }); // and five pseudo fields
        _prefaceLeft = role == Http2Role.Server ? FrameWriter.Preface.Length : 0;
    }

    public OutputChain Output { get; }

    /// <summary>Set where the peer is a Weft proxy: it is told the case of trailers' names, as it is of heads', and tells it. Null elsewhere.</summary>
    public MessageFormBuilder? MeshForm { get; set; }

    /// <summary>Open streams.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>The connection must end: a GOAWAY that says so is in the output. Nothing more is read.</summary>
    public bool IsFailed { get; private set; }

    public Http2ErrorCode FailureCode { get; private set; }

    /// <summary>One clause, a constant: making it allocates nothing, for who attacks does it often.</summary>
    public string FailureText { get; private set; } = "";

    /// <summary>The peer has announced that it takes no more streams.</summary>
    public bool IsPeerGoingAway { get; private set; }

    /// <summary><see cref="GoAway"/> was said: no new stream is taken.</summary>
    public bool HasGoneAway { get; private set; }

    /// <summary>The peer has acknowledged our SETTINGS.</summary>
    public bool AreSettingsAcknowledged => _settingsAcknowledged;

    /// <summary>The peer's SETTINGS have come.</summary>
    public bool HavePeerSettings { get; private set; }

    /// <summary>A head has begun and not ended: its CONTINUATION is owed.</summary>
    public bool IsWithinHead => _blockStreamId != 0;

    /// <summary>The peer accepts extended CONNECT (RFC 8441).</summary>
    public bool PeerTakesConnectProtocol => _peer.EnableConnectProtocol;

    /// <summary>Streams that the peer allows us; before its SETTINGS have come, the 100 that RFC 9113 section 6.5.2 advises it to allow at least.</summary>
    public int PeerMaxStreams => HavePeerSettings ? (int)Math.Min(_peer.MaxConcurrentStreams, int.MaxValue) : 100;

    /// <summary>The size of a head, names and values plus 32 bytes per field, above which the peer says that it may refuse one.</summary>
    public long PeerMaxHeaderListBytes => _peer.MaxHeaderListSize;

    /// <summary>Clients: one more stream may be opened now.</summary>
    public bool CanOpen => !IsFailed && !IsPeerGoingAway && _nextId > 0 && _streams.Count < PeerMaxStreams;

    /// <summary>Clients: no stream can ever be opened again; the connection ends when its last one has.</summary>
    public bool IsExhausted => IsFailed || IsPeerGoingAway || _nextId < 0;

    /// <summary>Puts the connection preface into the output (RFC 9113 section 3.4).</summary>
    public void Start()
    {
        if (_role == Http2Role.Client) FrameWriter.Preface.CopyTo(Output.Reserve(FrameWriter.Preface.Length));
        if (_role == Http2Role.Client) Output.Commit(FrameWriter.Preface.Length);
        Span<(SettingId, uint)> settings = stackalloc (SettingId, uint)[6];
        var count = 0;
        settings[count++] = (SettingId.InitialWindowSize, (uint)_settings.StreamWindowBytes);
        settings[count++] = (SettingId.MaxHeaderListSize, (uint)_settings.MaxHeaderListBytes);
        if (_settings.HeaderTableBytes != 4096) settings[count++] = (SettingId.HeaderTableSize, (uint)_settings.HeaderTableBytes);
        if (_role == Http2Role.Client) settings[count++] = (SettingId.EnablePush, 0);
        else
        {
            settings[count++] = (SettingId.MaxConcurrentStreams, (uint)_settings.MaxConcurrentStreams);
            if (_settings.EnableConnectProtocol) settings[count++] = (SettingId.EnableConnectProtocol, 1);
        }
        FrameWriter.Settings(Output, settings[..count]);
        var more = _settings.ConnectionWindowBytes - PeerSettings.DefaultWindow;
        if (more <= 0) return;
        FrameWriter.WindowUpdate(Output, 0, more);
        _receiveWindow.Resize(_settings.ConnectionWindowBytes);
    }

    /// <summary>Clients: opens <paramref name="stream"/>, which is closed, while <see cref="CanOpen"/>. Its head must be written next: ids are used in order.</summary>
    public void Open(Http2Stream stream)
    {
        if (!CanOpen) throw new InvalidOperationException("no stream can be opened now");
        Attach(stream, _nextId);
        _nextId = _nextId > int.MaxValue - 2 ? -1 : _nextId + 2;
    }

    public void Ping(ulong opaque) => FrameWriter.Ping(Output, opaque, ack: false);

    /// <summary>Servers: says that the end is near, and still takes what is on its way. To be followed by <see cref="GoAway"/> a round trip later.</summary>
    public void AnnounceGoAway() => FrameWriter.GoAway(Output, int.MaxValue, Http2ErrorCode.NoError);

    /// <summary>No stream above the highest seen is taken any more; the peer may send those again elsewhere.</summary>
    public void GoAway()
    {
        _acceptUpTo = _lastPeerId;
        HasGoneAway = true;
        FrameWriter.GoAway(Output, _lastPeerId, Http2ErrorCode.NoError);
    }

    /// <summary>The connection is gone: every stream hears it.</summary>
    public void AbortAll(string detail)
    {
        if (!IsFailed)
        {
            IsFailed = true;
            FailureText = detail;
        }
        var abort = new StreamAbort(FailureCode, detail, ConnectionLost: true);
        // Not the shared list: an abort may lead back here through another stream of this connection.
        var open = new List<Http2Stream>(_streams.Count);
        _streams.CopyTo(open);
        foreach (var stream in open) Abort(stream, abort);
        Output.Drop();
        ReturnBlock();
    }

    /// <summary>Nothing more will come: streams whose message is not whole are aborted.</summary>
    public void EndInput(string detail)
    {
        IsPeerGoingAway = true;
        var abort = new StreamAbort(Http2ErrorCode.NoError, detail, ConnectionLost: true);
        var open = new List<Http2Stream>(_streams.Count);
        _streams.CopyTo(open);
        foreach (var stream in open)
        {
            if (!stream.RemoteEnded) Abort(stream, abort);
        }
    }

    /// <summary>Ends the connection for a fault of the peer.</summary>
    public void ConnectionError(Http2ErrorCode code, string detail)
    {
        if (IsFailed) return;
        IsFailed = true;
        FailureCode = code;
        FailureText = detail;
        FrameWriter.GoAway(Output, Math.Min(_lastPeerId, _acceptUpTo), code);
    }

    internal void Reset(Http2Stream stream, Http2ErrorCode code)
    {
        var complete = stream.RemoteEnded && stream.LocalEnded;
        if (!complete)
        {
            FrameWriter.RstStream(Output, stream.Id, code);
            _events.OnOutput();
        }
        Detach(stream, complete ? StreamEnd.Complete : StreamEnd.ResetByUs);
        if (complete) _budget.Earn(FaultBudget.Fault);
        stream.Events.OnClosed();
        _events.OnCapacity();
    }

    internal void Leave(Http2Stream stream)
    {
        stream.Left = true;
        DropInbox(stream);
        if (stream.LocalEnded) Reset(stream, Http2ErrorCode.NoError);
        else if (!stream.EndWanted) Reset(stream, Http2ErrorCode.InternalError); // the message was never ended
    }

    /// <summary>Our message is out.</summary>
    private void OnLocalEnd(Http2Stream stream)
    {
        stream.LocalEnded = true;
        if (stream.Left) Reset(stream, Http2ErrorCode.NoError);
        else CloseIfComplete(stream);
    }

    /// <summary>Resets <paramref name="stream"/> for a fault of the peer, which pays for it: an attacker must not get for free by provoking what it pays for by doing
    /// (MadeYouReset).</summary>
    internal void StreamError(Http2Stream stream, Http2ErrorCode code, string detail)
    {
        FrameWriter.RstStream(Output, stream.Id, code);
        _events.OnOutput();
        Detach(stream, StreamEnd.ResetByUs);
        stream.Events.OnAborted(new StreamAbort(code, detail, Violation: true));
        Spend(FaultBudget.Fault);
        _events.OnCapacity();
    }

    private void Abort(Http2Stream stream, in StreamAbort abort)
    {
        if (!ReferenceEquals(stream.Session, this)) return;
        Detach(stream, StreamEnd.ResetByPeer);
        stream.Events.OnAborted(abort);
    }

    private void Attach(Http2Stream stream, int id)
    {
        if (stream.IsOpen) throw new InvalidOperationException("the stream is open");
        stream.Id = id;
        stream.Session = this;
        stream.SendWindow = new SendWindow(_peer.InitialWindow);
        stream.ReceiveWindow = new ReceiveWindow(StreamReceiveWindow);
        stream.DeclaredLength = -1;
        stream.Received = 0;
        stream.LastFrameAt = -1;
        stream.HeadReceived = stream.RemoteEnded = stream.EndDelivered = stream.LocalEnded = stream.EndWanted = stream.Delivering = stream.Touched = stream.Blocked = stream.Left = false;
        stream.HasInboxTrailers = stream.HasOutboxTrailers = false;
        stream.Wanted = _role == Http2Role.Client;
        _streams.Add(stream);
    }

    /// <summary>Until our SETTINGS are acknowledged the peer may go by the protocol's window, whatever ours says.</summary>
    private int StreamReceiveWindow => _settingsAcknowledged ? _settings.StreamWindowBytes : Math.Max(_settings.StreamWindowBytes, PeerSettings.DefaultWindow);

    private void Detach(Http2Stream stream, StreamEnd end)
    {
        _streams.Remove(stream);
        _waiting.Remove(stream);
        _history.Ended(stream.Id, end);
        stream.Session = null;
        stream.Touched = false;
        DropInbox(stream);
        if (stream.Outbox is null) return;
        _buffers.Return(stream.Outbox);
        stream.Outbox = null;
    }

    private void CloseIfComplete(Http2Stream stream)
    {
        if (!stream.LocalEnded || !stream.EndDelivered || !ReferenceEquals(stream.Session, this)) return;
        Detach(stream, StreamEnd.Complete);
        _budget.Earn(FaultBudget.Fault);
        stream.Events.OnClosed();
        _events.OnCapacity();
    }

    private void Spend(int cost)
    {
        if (cost == FaultBudget.Noise && _noiseAllowed > 0) _noiseAllowed--;
        else if (!_budget.TrySpend(cost, _nowMs)) ConnectionError(Http2ErrorCode.EnhanceYourCalm, "too many resets, empty frames, pings or settings (Http2Settings.FaultBurst)");
    }

    /// <summary>Bodies pay for the noise that comes with them: window updates, and the pings by which clients measure bandwidth.</summary>
    private void AllowNoise(int amount) => _noiseAllowed = Math.Min(_noiseAllowed + amount, 1000);
}
