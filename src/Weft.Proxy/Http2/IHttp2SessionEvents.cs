namespace Weft.Proxy.Http2;

/// <summary>What a session tells the connection that it belongs to.</summary>
internal interface IHttp2SessionEvents
{
    /// <summary>Servers: a request begins. Null: refused with REFUSED_STREAM (it may be sent again elsewhere).</summary>
    Http2Stream? Accept();

    /// <summary>The peer takes no more streams on this connection; streams that it has not processed were told so before.</summary>
    void OnGoAway(Http2ErrorCode code);

    /// <summary>The answer to <see cref="Http2Session.Ping"/> with this opaque value.</summary>
    void OnPong(ulong opaque);

    /// <summary>A stream has ended, or the peer allows more of them: <see cref="Http2Session.CanOpen"/> may have become true.</summary>
    void OnCapacity();

    /// <summary>Frames were written that no user of a stream knows of (credit for what it took, a reset): they want to leave with the next flush.</summary>
    void OnOutput();

    /// <summary>More waits in the output than <see cref="Http2Settings.OutputBytes"/>: write it now if the channel takes it. Nothing may be told to streams from
    /// within; a channel that fails is dealt with later.</summary>
    void OnOutputFull();
}
