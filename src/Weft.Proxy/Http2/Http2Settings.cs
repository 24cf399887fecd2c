using Weft.Routing.Protocols;

namespace Weft.Proxy.Http2;

/// <summary>What one connection of ours allows its peer, and what it costs at most. Defaults are argued in docs/decisions/0008-http2.md.</summary>
internal sealed record Http2Settings
{
    /// <summary>The largest <see cref="StreamWindowBytes"/>: one stream's unread bytes lie in one block.</summary>
    public const int LargestWindow = Buffers.BufferPool.LargestBlockBytes;

    /// <summary>Switches a time limit off.</summary>
    public const long None = long.MaxValue;

    public static readonly Http2Settings Default = new();

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS: requests that the peer may have open. Default 100; over it: REFUSED_STREAM. Servers only.</summary>
    public int MaxConcurrentStreams { get; init; } = 100;

    /// <summary>SETTINGS_INITIAL_WINDOW_SIZE: body bytes that a stream may send before they are taken. Default 256 KiB, 1 byte to 1 MiB.</summary>
    public int StreamWindowBytes { get; init; } = 256 << 10;

    /// <summary>Body bytes on their way over all streams. Default 1 MiB, at least 65,535 (the protocol's own).</summary>
    public int ConnectionWindowBytes { get; init; } = 1 << 20;

    /// <summary>Body bytes that may lie unread in all streams before the connection's window stays shut. Default 1 MiB. With
    /// <see cref="ConnectionWindowBytes"/> it bounds what a connection can make us hold.</summary>
    public int MaxUnreadBytes { get; init; } = 1 << 20;

    /// <summary>SETTINGS_MAX_HEADER_LIST_SIZE: a head's names and values plus 32 bytes per field. Default 60 KiB; over it: 431.</summary>
    public int MaxHeaderListBytes { get; init; } = 60 << 10;

    /// <summary>Fields of one head, pseudo fields not counted. Default 100; over it: 431.</summary>
    public int MaxFields { get; init; } = 100;

    /// <summary>SETTINGS_HEADER_TABLE_SIZE, and the most that we use of what the peer allows. Default 4,096 bytes, the protocol's own.</summary>
    public int HeaderTableBytes { get; init; } = 4096;

    /// <summary>SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441): clients may ask for WebSocket and other protocols over a stream. Default false. Servers only.</summary>
    public bool EnableConnectProtocol { get; init; }

    /// <summary>Faults that a peer may commit or provoke at once (resets, empty frames, refused streams); noise (PING, PRIORITY, WINDOW_UPDATE without
    /// DATA) counts a tenth. A request that ends well gives one back. Default 1,000; over it: GOAWAY(ENHANCE_YOUR_CALM).</summary>
    public int FaultBurst { get; init; } = 1000;

    /// <summary>Faults forgiven per second. Default 50.</summary>
    public int FaultsPerSecond { get; init; } = 50;

    /// <summary>How long the peer may take to acknowledge our SETTINGS, in ms. Default 20 s; over it: GOAWAY(SETTINGS_TIMEOUT).</summary>
    public long SettingsAckMs { get; init; } = 20_000;

    /// <summary>Silence after which a PING asks whether the peer still lives, in ms. Default <see cref="None"/>: TCP keep-alive is enough where nobody waits.</summary>
    public long KeepAliveMs { get; init; } = None;

    /// <summary>Part of <see cref="KeepAliveMs"/>, 0 to 100, of which each connection adds a share of its own. Default 15.</summary>
    public int KeepAliveJitterPercent { get; init; } = 15;

    /// <summary>How long a peer may be silent after that PING, in ms. Default 10 s; over it the connection is closed.</summary>
    public long KeepAliveTimeoutMs { get; init; } = 10_000;

    /// <summary>How long the peer may take nothing of what waits for it, in ms. Default 5 min; over it the connection is closed.</summary>
    public long StallMs { get; init; } = 300_000;

    /// <summary>Bytes queued for the peer above which no stream may add body bytes. Default 64 KiB.</summary>
    public int OutputBytes { get; init; } = 64 << 10;

    /// <summary>Bytes queued for the peer above which nothing more is read from it. Default 1 MiB: well above what bodies may queue, because two proxies that each wait for the
    /// other to read would wait for ever.</summary>
    public int UnreadOutputBytes { get; init; } = 1 << 20;

    /// <summary>What xDS configured, where it does: larger windows are cut to <see cref="LargestWindow"/>.</summary>
    /// <param name="maxListBytes">max_request_headers_kb or max_response_headers_kb.</param>
    /// <param name="maxFields">max_headers_count.</param>
    /// <param name="stallMs">For <see cref="StallMs"/>.</param>
    public static Http2Settings From(Http2Options options, int maxListBytes, int maxFields, long stallMs) => new()
    {
        MaxConcurrentStreams = options.MaxConcurrentStreams,
        StreamWindowBytes = Math.Min(options.InitialStreamWindowBytes, LargestWindow),
        ConnectionWindowBytes = options.InitialConnectionWindowBytes,
        HeaderTableBytes = options.HpackTableBytes,
        EnableConnectProtocol = options.AllowConnect,
        MaxHeaderListBytes = maxListBytes,
        MaxFields = maxFields,
        KeepAliveMs = options.Keepalive.Interval == Timeout.InfiniteTimeSpan ? None : (long)options.Keepalive.Interval.TotalMilliseconds,
        KeepAliveJitterPercent = options.Keepalive.JitterPercent,
        KeepAliveTimeoutMs = options.Keepalive.AckTimeout == Timeout.InfiniteTimeSpan ? Default.KeepAliveTimeoutMs : (long)options.Keepalive.AckTimeout.TotalMilliseconds,
        StallMs = stallMs,
    };
}
