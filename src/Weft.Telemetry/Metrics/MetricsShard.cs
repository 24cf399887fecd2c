using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>
/// The counters that one worker writes. Only its owner's thread may call anything here but the internal members, which
/// <see cref="MetricsRegistry"/> uses from the exporter's thread; the two meet in plain 64-bit words, one writer each.
/// </summary>
public sealed class MetricsShard
{
    private const int ConnectionKinds = 8; // direction x side x security

    private readonly MetricsRegistry _registry;
    private readonly Dictionary<EdgeKey, EdgeSeries> _edges = [];
    private readonly long[] _opened = new long[ConnectionKinds];
    private readonly long[] _closed = new long[ConnectionKinds];
    private LatencyHistogram?[] _series = new LatencyHistogram?[64]; // by series id; replaced when it grows, readers keep the old one
    private readonly Dictionary<EdgeKey, ConnectionSeries> _connections = [];
    private ConnectionSeries[] _connectionList = new ConnectionSeries[8]; // those of the map, for readers; replaced when it grows, and filled before it is counted
    private int _connectionCount;
    private long _epoch;

    internal MetricsShard(MetricsRegistry registry)
    {
        _registry = registry;
        _epoch = registry.Epoch;
    }

    /// <summary>The recorder of one edge. Callers on the hot path keep it (per connection, per endpoint) instead of asking each time;
    /// it stays valid for the shard's life.</summary>
    public EdgeSeries For(in EdgeKey edge)
    {
        if (_edges.TryGetValue(edge, out var known)) return known;
        // Forgetting is safe, a recorder that somebody still holds goes on working: this only bounds what odd peers can make us remember.
        if (_edges.Count > _registry.Limits.MaxSeries) _edges.Clear();
        return _edges[edge] = new EdgeSeries(this, edge);
    }

    /// <summary>The counters of one edge's byte connections; valid for the shard's life. An edge keeps its counters until the process ends: there are few and they are small.</summary>
    public ConnectionSeries Connections(in EdgeKey edge)
    {
        if (_connections.TryGetValue(edge, out var known)) return known;
        var isOverflow = edge == SeriesKey.Overflow.Edge;
        if (!isOverflow && _connectionCount >= _registry.Limits.MaxSeries) return Connections(SeriesKey.Overflow.Edge);
        var added = new ConnectionSeries(edge);
        if (_connectionCount == _connectionList.Length)
        {
            var grown = new ConnectionSeries[_connectionCount * 2];
            _connectionList.CopyTo(grown, 0);
            Volatile.Write(ref _connectionList, grown);
        }
        _connectionList[_connectionCount] = added;
        Volatile.Write(ref _connectionCount, _connectionCount + 1);
        return _connections[edge] = added;
    }

    /// <summary>Counts a finished request.</summary>
    public void Record(in RequestRecord record) => For(record.Edge).Record(record.Status, record.Fault, record.TotalMicros);

    public void ConnectionOpened(Direction direction, ConnectionSide side, ChannelSecurity security) => _opened[Kind(direction, side, security)]++;

    /// <summary>Counts the end of a connection that <see cref="ConnectionOpened"/> counted under the same three words.</summary>
    public void ConnectionClosed(Direction direction, ConnectionSide side, ChannelSecurity security) => _closed[Kind(direction, side, security)]++;

    /// <summary>Lets go of series that have expired. An idle worker calls this about once a second; a busy one does so by recording.</summary>
    public void Refresh()
    {
        var epoch = _registry.Epoch;
        if (epoch == _epoch) return;
        _edges.Clear();
        Volatile.Write(ref _epoch, epoch); // after this, no recorder of this shard touches a series that the epoch retired
    }

    internal long Epoch => Volatile.Read(ref _epoch);

    /// <summary>The histogram behind a series of this shard, made when it is first needed. Owner's thread only.</summary>
    internal LatencyHistogram Intern(in SeriesKey key)
    {
        var id = _registry.Intern(key);
        if (id >= _series.Length)
        {
            var grown = new LatencyHistogram?[Math.Max(id + 1, _series.Length * 2)];
            _series.CopyTo(grown, 0);
            Volatile.Write(ref _series, grown);
        }
        var histogram = _series[id];
        if (histogram is null)
        {
            histogram = new LatencyHistogram();
            Volatile.Write(ref _series[id], histogram);
        }
        return histogram;
    }

    internal LatencyHistogram? Read(int id)
    {
        var series = Volatile.Read(ref _series);
        return id < series.Length ? Volatile.Read(ref series[id]) : null;
    }

    internal ReadOnlySpan<ConnectionSeries> AllConnections
    {
        get
        {
            var count = Volatile.Read(ref _connectionCount); // first: the list that is read then has at least as many
            return Volatile.Read(ref _connectionList).AsSpan(0, count);
        }
    }

    internal long Opened(Direction direction, ConnectionSide side, ChannelSecurity security) => Volatile.Read(ref _opened[Kind(direction, side, security)]);

    internal long Closed(Direction direction, ConnectionSide side, ChannelSecurity security) => Volatile.Read(ref _closed[Kind(direction, side, security)]);

    private static int Kind(Direction direction, ConnectionSide side, ChannelSecurity security) => ((int)direction << 2) | ((int)side << 1) | (int)security;
}
