namespace Weft.Routing.Protocols;

/// <summary>
/// What this proxy announces and keeps to where it speaks HTTP/2 (envoy.config.core.v3.Http2ProtocolOptions; limits of RFC 9113 and RFC 7541).
/// Immutable; equal content is equal. Where Envoy's default is "as good as unlimited" Weft's is finite: what is not said must not cost memory.
/// </summary>
public sealed record Http2Options
{
    public static Http2Options Default { get; } = new();

    /// <summary>The header compression table that the peer may fill, in bytes as RFC 7541 section 4.1 counts them, and the most that our encoder uses of the
    /// peer's (<c>hpack_table_size</c>). 0 to 65,536; 0 compresses without a table. Default 4,096.</summary>
    public int HpackTableBytes { get; init; } = 4096;

    /// <summary>Streams that the peer may have open at once, and the most that we open on one connection of a cluster (<c>max_concurrent_streams</c>).
    /// 1 to 2,147,483,647. Default 100; Envoy's is 2,147,483,647.</summary>
    public int MaxConcurrentStreams { get; init; } = 100;

    /// <summary>Bytes of one message's body that the peer may send before the other side took any (<c>initial_stream_window_size</c>).
    /// 65,535 to 2,147,483,647. Default 256 KiB; Envoy's is 256 MiB.</summary>
    public int InitialStreamWindowBytes { get; init; } = 256 * 1024;

    /// <summary>The same for all streams of a connection together (<c>initial_connection_window_size</c>). 65,535 to 2,147,483,647. Default 1 MiB;
    /// Envoy's is 256 MiB.</summary>
    public int InitialConnectionWindowBytes { get; init; } = 1024 * 1024;

    /// <summary>Extended CONNECT (RFC 8441) is offered to clients, and used with servers that offer it (<c>allow_connect</c>). Default false.</summary>
    public bool AllowConnect { get; init; }

    /// <summary>PINGs that find out whether the peer lives (<c>connection_keepalive</c>). Default none.</summary>
    public Http2Keepalive Keepalive { get; init; } = Http2Keepalive.None;
}

/// <summary>PINGs on HTTP/2 connections (envoy.config.core.v3.KeepaliveSettings). <see cref="Timeout.InfiniteTimeSpan"/> switches one off.</summary>
/// <param name="Interval">Between two PINGs, whether requests are under way or not.</param>
/// <param name="JitterPercent">Share of the interval, 0 to 100, of which a random part is added to each.</param>
/// <param name="IdleInterval">A connection without a frame for this long is asked before it gets another request.</param>
/// <param name="AckTimeout">A connection that brings no frame at all for this long after a PING is dead. Never infinite where a PING is sent.</param>
public sealed record Http2Keepalive(TimeSpan Interval, int JitterPercent, TimeSpan IdleInterval, TimeSpan AckTimeout)
{
    public static Http2Keepalive None { get; } = new(Timeout.InfiniteTimeSpan, 15, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
}
