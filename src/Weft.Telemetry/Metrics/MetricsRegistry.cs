using Weft.Telemetry.Outcomes;

namespace Weft.Telemetry.Metrics;

/// <summary>
/// Everything one proxy counts. Workers write their shards; this gives series their ids, sums the shards when somebody asks, and drops
/// series that nobody uses any more.
/// </summary>
/// <remarks>
/// The life of a series: <b>live</b> while requests come; <b>retired</b> after <see cref="MetricsLimits.IdleExpiry"/> without one, when the epoch moves
/// on and makes every shard ask for its series anew; <b>free</b> for another key once every shard has reached that epoch and nobody has asked
/// for it. Until then a worker may still hold the series and count into it, which brings it back to life. Freeing it at once would be
/// simpler and would credit one service's requests to another.
/// </remarks>
public sealed class MetricsRegistry
{
    private const int OverflowId = 0;
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _time;
    private readonly Lock _slotsLock = new();   // guards _slots, _ids and _free; held for a few instructions, workers wait for it
    private readonly Lock _collectLock = new(); // one collection at a time: they share _scratch, and sweeping must not meet a reader
    private readonly List<Slot> _slots = [];
    private readonly Dictionary<SeriesKey, int> _ids = [];
    private readonly Stack<int> _free = [];
    private readonly LatencyHistogram _scratch = new();
    private readonly List<Instrument> _instruments = []; // guarded by _slotsLock
    private readonly List<BucketHistogram> _histograms = []; // guarded by _slotsLock
    private MetricsShard[] _shards = [];
    private DateTimeOffset _nextSweep;
    private long _epoch;

    public MetricsRegistry(TimeProvider time, MetricsLimits? limits = null)
    {
        _time = time;
        Limits = limits ?? new MetricsLimits();
        Started = time.GetUtcNow();
        _nextSweep = Started + SweepInterval;
        _slots.Add(new Slot(SeriesKey.Overflow, Started));
        foreach (var direction in Enum.GetValues<Direction>())
            foreach (var side in Enum.GetValues<ConnectionSide>())
                foreach (var security in Enum.GetValues<ChannelSecurity>())
                    AddConnections(direction, side, security);
    }

    /// <summary>When counting began.</summary>
    public DateTimeOffset Started { get; }

    public MetricsLimits Limits { get; }

    /// <summary>What detection has found out and still remembers; pushed with the metrics. Called from any thread.</summary>
    public Func<IReadOnlyList<DestinationVerdict>> Verdicts { get; set; } = static () => [];

    /// <summary>Adds a shard for one more worker.</summary>
    public MetricsShard CreateShard()
    {
        lock (_slotsLock)
        {
            var shard = new MetricsShard(this);
            Volatile.Write(ref _shards, [.. _shards, shard]);
            return shard;
        }
    }

    /// <summary>Adds a counter that any thread may raise; not for the data path, whose counters live in shards.</summary>
    /// <param name="name">Prometheus name, ending in <c>_total</c>.</param>
    /// <param name="help">One sentence.</param>
    /// <param name="labels">Names and values; a name and label set must be added once only.</param>
    public Counter AddCounter(string name, string help, params (string Name, string Value)[] labels)
    {
        var counter = new Counter();
        AddInstrument(new Instrument(name, help, InstrumentKind.Counter, labels, () => counter.Value));
        return counter;
    }

    /// <summary>Adds a counter that someone else keeps and that is asked for at each collection; <paramref name="read"/> must be quick, safe on any
    /// thread, and never fall.</summary>
    public void AddCounter(string name, string help, Func<double> read, params (string Name, string Value)[] labels) =>
        AddInstrument(new Instrument(name, help, InstrumentKind.Counter, labels, read));

    /// <summary>Adds a distribution of times that any thread may add to.</summary>
    /// <param name="name">Prometheus name, ending in <c>_seconds</c>; to be added once only.</param>
    /// <param name="help">One sentence.</param>
    /// <param name="boundsMs">Inclusive upper bounds of its buckets in milliseconds, ascending.</param>
    public BucketHistogram AddHistogram(string name, string help, IReadOnlyList<int> boundsMs)
    {
        var histogram = new BucketHistogram(name, help, boundsMs);
        lock (_slotsLock) _histograms.Add(histogram);
        return histogram;
    }

    /// <summary>Adds a gauge whose value is asked for at each collection; <paramref name="read"/> must be quick and safe on any thread.</summary>
    public void AddGauge(string name, string help, Func<double> read, params (string Name, string Value)[] labels) =>
        AddInstrument(new Instrument(name, help, InstrumentKind.Gauge, labels, read));

    /// <summary>
    /// Calls <paramref name="visit"/> for every request series with its labels, the time its counting began and the sum of all shards.
    /// The histogram is scratch space: it is valid during the call only. Series without a request are left out.
    /// </summary>
    public void Collect(Action<SeriesKey, DateTimeOffset, LatencyHistogram> visit)
    {
        lock (_collectLock)
        {
            Sweep();
            foreach (var (id, slot) in Snapshot())
            {
                Sum(id);
                if (_scratch.Count > 0) visit(slot.Key, slot.Started, _scratch);
            }
        }
    }

    /// <summary>The byte connections of every edge, all shards together, in the order of their labels.</summary>
    public IReadOnlyList<(EdgeKey Edge, ConnectionTotals Totals)> CollectConnections()
    {
        var edges = new Dictionary<EdgeKey, ConnectionTotals>();
        foreach (var shard in Volatile.Read(ref _shards))
        {
            foreach (var series in shard.AllConnections)
            {
                if (!edges.TryGetValue(series.Edge, out var totals)) edges[series.Edge] = totals = new ConnectionTotals();
                series.AddTo(totals);
            }
        }
        return [.. edges.OrderBy(e => (e.Key.Direction, e.Key.Source, e.Key.Destination, e.Key.DestinationVersion, e.Key.Security)).Select(e => (e.Key, e.Value))];
    }

    /// <summary>The instruments other than request series, grouped by name.</summary>
    public IReadOnlyList<Instrument> Instruments
    {
        get
        {
            lock (_slotsLock) return [.. _instruments.OrderBy(i => i.Name, StringComparer.Ordinal)];
        }
    }

    /// <summary>The distributions other than those of request and connection series.</summary>
    public IReadOnlyList<BucketHistogram> Histograms
    {
        get
        {
            lock (_slotsLock) return [.. _histograms.OrderBy(h => h.Name, StringComparer.Ordinal)];
        }
    }

    internal long Epoch => Volatile.Read(ref _epoch);

    internal int Intern(in SeriesKey key)
    {
        lock (_slotsLock)
        {
            if (_ids.TryGetValue(key, out var known))
            {
                _slots[known].Revive(_time.GetUtcNow());
                return known;
            }
            int id;
            var slot = new Slot(key, _time.GetUtcNow());
            if (_free.TryPop(out var reused)) _slots[id = reused] = slot;
            else if (_slots.Count <= Limits.MaxSeries) { id = _slots.Count; _slots.Add(slot); }
            else return OverflowId;
            return _ids[key] = id;
        }
    }

    private void AddConnections(Direction direction, ConnectionSide side, ChannelSecurity security)
    {
        (string, string)[] labels = [("direction", direction.Text()), ("side", side.Text()), ("security", security.Text())];
        AddInstrument(new Instrument("weft_connections_total", "Connections opened.", InstrumentKind.Counter, labels,
            () => Volatile.Read(ref _shards).Sum(s => s.Opened(direction, side, security))));
        // Closed is read first: a connection that comes and goes between the two reads must not make the gauge negative.
        AddInstrument(new Instrument("weft_connections_active", "Connections open now.", InstrumentKind.Gauge, labels, () =>
        {
            var closed = Volatile.Read(ref _shards).Sum(s => s.Closed(direction, side, security));
            return Volatile.Read(ref _shards).Sum(s => s.Opened(direction, side, security)) - closed;
        }));
    }

    private void AddInstrument(Instrument instrument)
    {
        lock (_slotsLock) _instruments.Add(instrument);
    }

    private List<(int Id, Slot Slot)> Snapshot()
    {
        lock (_slotsLock)
        {
            var live = new List<(int, Slot)>(_slots.Count);
            for (var id = 0; id < _slots.Count; id++)
                if (!_slots[id].Free) live.Add((id, _slots[id]));
            return live;
        }
    }

    private void Sum(int id)
    {
        _scratch.Clear();
        foreach (var shard in Volatile.Read(ref _shards))
            if (shard.Read(id) is { } histogram) _scratch.Merge(histogram);
    }

    private void Sweep()
    {
        var now = _time.GetUtcNow();
        if (now < _nextSweep) return;
        _nextSweep = now + SweepInterval;
        var retired = false;
        foreach (var (id, slot) in Snapshot())
        {
            if (id == OverflowId) continue;
            // Asked before counting: a shard that has reached the epoch has published everything it counted before.
            var released = slot.RetiredAt is { } epoch && Volatile.Read(ref _shards).All(s => s.Epoch >= epoch);
            Sum(id);
            var count = _scratch.Count;
            lock (_slotsLock)
            {
                if (count != slot.LastCount)
                {
                    slot.LastCount = count;
                    slot.Revive(now);
                }
                else if (slot.RetiredAt is null && now - slot.LastUse >= Limits.IdleExpiry)
                {
                    slot.RetiredAt = _epoch + 1;
                    retired = true;
                }
                else if (slot.RetiredAt is not null && released)
                {
                    Free_NeedsLock(id, slot);
                }
            }
        }
        if (retired) Volatile.Write(ref _epoch, _epoch + 1);
    }

    /// <summary>The lock shows the cleared counters to whichever worker is given the id next.</summary>
    private void Free_NeedsLock(int id, Slot slot)
    {
        foreach (var shard in Volatile.Read(ref _shards)) shard.Read(id)?.Clear();
        _ids.Remove(slot.Key);
        slot.Free = true;
        _free.Push(id);
    }

    private sealed class Slot(SeriesKey key, DateTimeOffset started)
    {
        public SeriesKey Key { get; } = key;

        public DateTimeOffset Started { get; } = started;

        public DateTimeOffset LastUse { get; set; } = started;

        public long LastCount { get; set; }

        /// <summary>The epoch that every shard must have reached before the series may be freed; null while live.</summary>
        public long? RetiredAt { get; set; }

        public bool Free { get; set; }

        public void Revive(DateTimeOffset now)
        {
            RetiredAt = null;
            LastUse = now;
        }
    }
}
