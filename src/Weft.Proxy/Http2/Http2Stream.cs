using Weft.Proxy.Buffers;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2;

/// <summary>Why a stream ended before both messages were whole, without its user having asked for it.</summary>
/// <param name="Code">Of the peer's RST_STREAM or GOAWAY, or of ours when the peer broke a rule.</param>
/// <param name="Unprocessed">The peer has certainly not acted on the request: REFUSED_STREAM, or an id above GOAWAY's last.</param>
/// <param name="ConnectionLost">The connection under it is gone.</param>
/// <param name="Violation">The peer broke a rule, and we reset the stream for it.</param>
/// <param name="Detail">One clause, a constant.</param>
internal readonly record struct StreamAbort(Http2ErrorCode Code, string Detail, bool Unprocessed = false, bool ConnectionLost = false, bool Violation = false);

/// <summary>What a stream tells its user, on its worker's thread. Any of these may call back into the stream.</summary>
internal interface IHttp2StreamEvents
{
    /// <summary>A head: the request (server), an interim or the final response (client). The fields are checked by the user, who answers a malformed
    /// message with <see cref="Http2Stream.Malformed"/>.</summary>
    /// <param name="fields">Server: valid until the user clears it. Client: valid within the call.</param>
    /// <param name="endStream">Nothing follows; <see cref="OnEnd"/> is not called.</param>
    void OnHead(FieldBlock fields, bool endStream);

    /// <summary>A head passed MAX_HEADER_LIST_SIZE; its fields are lost.</summary>
    void OnHeadTooLarge(bool endStream);

    /// <summary>Body bytes, after <see cref="Http2Stream.Resume"/>. False: taken, but give no more until the next <see cref="Http2Stream.Resume"/>.</summary>
    bool OnData(ReadOnlySpan<byte> data);

    /// <summary>The peer's message is whole.</summary>
    void OnEnd(in Trailers trailers);

    /// <summary>All frames of one read were looked at: whatever the stream heard in it can go on in one piece.</summary>
    void OnReceived();

    /// <summary>A write that answered false may go on.</summary>
    void OnWritable();

    /// <summary>The stream is gone, and whatever was unsent or unread with it. The object may be used for another one.</summary>
    void OnAborted(in StreamAbort abort);

    /// <summary>Both messages are whole and written, or the user has reset the stream. The object may be used for another one.</summary>
    void OnClosed();
}

/// <summary>
/// One HTTP/2 stream: its two halves, its windows, and what waits in either direction. The object belongs to its user, who keeps it for one stream after another;
/// between two it is closed and ignores what it is told.
/// </summary>
internal sealed class Http2Stream(IHttp2StreamEvents events)
{
    internal readonly IHttp2StreamEvents Events = events;

    internal Http2Session? Session;
    internal SendWindow SendWindow;
    internal ReceiveWindow ReceiveWindow;

    /// <summary>Received body bytes that the user has not taken.</summary>
    internal ByteBuffer? Inbox;

    /// <summary>Trailers that wait behind <see cref="Inbox"/>.</summary>
    internal FieldBlock? InboxTrailers;

    /// <summary>Body bytes that wait for a window, at most what one call of <see cref="Write"/> brought and what was written after it had answered false.</summary>
    internal ByteBuffer? Outbox;

    /// <summary>Trailers that wait behind <see cref="Outbox"/>: encoded when they are sent, because encoding changes the tables of the connection.</summary>
    internal FieldBlock? OutboxTrailers;

    internal long Received;
    internal long LastFrameAt = -1;
    internal bool HeadReceived, RemoteEnded, EndDelivered, LocalEnded, EndWanted, Wanted, Delivering, Touched, Blocked, Listed, Left;
    internal bool HasInboxTrailers, HasOutboxTrailers;
    internal Http2Stream? NextWaiting, PreviousWaiting;

    /// <summary>Where heads are decoded into; null: a block of the session's, valid within <see cref="IHttp2StreamEvents.OnHead"/> only.</summary>
    public FieldBlock? Fields { get; init; }

    /// <summary>0 before its first use.</summary>
    public int Id { get; internal set; }

    /// <summary>Between opening and <see cref="IHttp2StreamEvents.OnClosed"/> or <see cref="IHttp2StreamEvents.OnAborted"/>.</summary>
    public bool IsOpen => Session is not null;

    /// <summary>The peer has said END_STREAM, and neither a body byte nor a trailer waits.</summary>
    public bool IsEmptySoFar => RemoteEnded && Inbox is null && !HasInboxTrailers;

    /// <summary>The whole of our message was handed to the output.</summary>
    public bool IsLocalEnded => LocalEnded;

    /// <summary>The Content-Length that the peer declared; DATA must come to exactly that. -1: none. Set by the user when it has read the head.</summary>
    public long DeclaredLength { get; set; } = -1;

    /// <summary>Gives what has arrived, and what arrives, to the user, until <see cref="IHttp2StreamEvents.OnData"/> refuses.</summary>
    public void Resume() => Session?.Resume(this);

    /// <summary>What arrives waits.</summary>
    public void Pause() => Wanted = false;

    /// <summary>Begins a head or trailers. Nothing else may be written on the connection before <see cref="EndHead"/>. Only while <see cref="IsOpen"/>.</summary>
    public FieldBlockWriter BeginHead() => Session!.BeginHead();

    /// <summary>Sends what was written. False: it could not be said (<see cref="FieldBlockWriter.IsRefused"/>); the stream was reset.</summary>
    public bool EndHead(scoped ref FieldBlockWriter writer, bool endStream) => Session!.EndHead(this, ref writer, endStream);

    /// <summary>Sends body bytes as far as the windows allow and keeps the rest. False: give no more until <see cref="IHttp2StreamEvents.OnWritable"/>.</summary>
    public bool Write(ReadOnlySpan<byte> data) => Session is null || Session.Write(this, data);

    /// <summary>The message is whole: END_STREAM on its last frame when that has not left yet.</summary>
    public void WriteEnd(in Trailers trailers) => Session?.WriteEnd(this, trailers);

    /// <summary>The user has done its part and wants nothing more of the peer: what was written is still sent, then the stream ends (with RST_STREAM(NO_ERROR) when the peer's
    /// message is not whole, RFC 9113 section 8.1). Only OnClosed or OnAborted follows, perhaps within the call.</summary>
    public void Leave() => Session?.Leave(this);

    /// <summary>Ends the stream now. <see cref="IHttp2StreamEvents.OnClosed"/> follows within the call.</summary>
    public void Reset(Http2ErrorCode code) => Session?.Reset(this, code);

    /// <summary>The peer's message breaks a rule of RFC 9113 section 8: the stream is reset with PROTOCOL_ERROR, which counts as a fault of the peer.
    /// <see cref="IHttp2StreamEvents.OnAborted"/> follows within the call.</summary>
    public void Malformed(string detail) => Session?.StreamError(this, Http2ErrorCode.ProtocolError, detail);

    /// <summary>Body bytes that wait for a window.</summary>
    public int UnsentBytes => Outbox?.Length ?? 0;
}
