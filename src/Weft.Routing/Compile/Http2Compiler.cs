using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Weft.Routing.Protocols;

namespace Weft.Routing.Compile;

/// <summary>Http2ProtocolOptions of clusters and connection managers to <see cref="Http2Options"/>.</summary>
internal static class Http2Compiler
{
    /// <summary>RFC 9113 section 6.5.2: what a window is before SETTINGS change it. A smaller one would have to be announced before the peer sends,
    /// which no setting can promise.</summary>
    private const int MinWindow = 65_535;

    /// <summary>Envoy takes any 32-bit size; a table is memory that the peer may make us hold per connection.</summary>
    private const int MaxHpackTable = 65_536;

    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    public static Http2Options Compile(Http2ProtocolOptions? message, FieldPath at, Compilation into)
    {
        var unset = Http2Options.Default;
        if (message is null) return unset;
        return new Http2Options
        {
            HpackTableBytes = into.Number(message.HpackTableSize, unset.HpackTableBytes, 0, MaxHpackTable, at.Field("hpack_table_size")),
            MaxConcurrentStreams = into.Number(message.MaxConcurrentStreams, unset.MaxConcurrentStreams, 1, int.MaxValue, at.Field("max_concurrent_streams")),
            InitialStreamWindowBytes = into.Number(
                message.InitialStreamWindowSize, unset.InitialStreamWindowBytes, MinWindow, int.MaxValue, at.Field("initial_stream_window_size")),
            InitialConnectionWindowBytes = into.Number(
                message.InitialConnectionWindowSize, unset.InitialConnectionWindowBytes, MinWindow, int.MaxValue, at.Field("initial_connection_window_size")),
            AllowConnect = message.AllowConnect,
            Keepalive = Keepalive(message.ConnectionKeepalive, at.Field("connection_keepalive"), into),
        };
    }

    private static Http2Keepalive Keepalive(KeepaliveSettings? message, FieldPath at, Compilation into)
    {
        if (message is null) return Http2Keepalive.None;
        var jitter = message.IntervalJitter?.Value ?? Http2Keepalive.None.JitterPercent;
        if (jitter is not (>= 0 and <= 100)) into.Refuse(at.Field("interval_jitter"), $"{jitter} is outside 0 to 100");
        if (message.Timeout is null) into.Refuse(at.Field("timeout"), "a timeout is needed");
        var acknowledged = into.Time(message.Timeout, TimeSpan.FromSeconds(1), at.Field("timeout"));
        if (acknowledged < OneMillisecond) into.Refuse(at.Field("timeout"), "must be 1 ms or more");
        return new Http2Keepalive(
            Interval(message.Interval, at.Field("interval"), into), (int)jitter,
            Interval(message.ConnectionIdleInterval, at.Field("connection_idle_interval"), into), acknowledged);
    }

    private static TimeSpan Interval(Duration? value, FieldPath at, Compilation into)
    {
        var interval = into.Limit(value, Timeout.InfiniteTimeSpan, at);
        if (interval != Timeout.InfiniteTimeSpan && interval < OneMillisecond) into.Refuse(at, "must be 1 ms or more, or 0 for none");
        return interval;
    }
}
