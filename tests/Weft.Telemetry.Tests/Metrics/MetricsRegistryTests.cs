using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Telemetry.Tests.Metrics;

public sealed class MetricsRegistryTests
{
    private static EdgeKey Edge(string source) => new(Direction.Inbound, source, "shop/catalog", "v1", ChannelSecurity.Mtls);

    private static Dictionary<SeriesKey, long> Counts(MetricsRegistry registry)
    {
        var counts = new Dictionary<SeriesKey, long>();
        registry.Collect((key, _, histogram) => counts.Add(key, histogram.Count));
        return counts;
    }

    [Fact]
    public void Shards_are_summed_per_series()
    {
        var registry = new MetricsRegistry(new ManualTime());
        var (one, two) = (registry.CreateShard(), registry.CreateShard());
        one.For(Edge("shop/front")).Record(200, Fault.None, 100);
        two.For(Edge("shop/front")).Record(200, Fault.None, 300);
        two.For(Edge("shop/front")).Record(503, Fault.NoEndpoint, 5);
        Counts(registry).ShouldBe(new Dictionary<SeriesKey, long>
        {
            [new SeriesKey(Edge("shop/front"), 200, Fault.None)] = 2,
            [new SeriesKey(Edge("shop/front"), 503, Fault.NoEndpoint)] = 1,
        });
    }

    [Fact]
    public void Record_counts_under_its_own_labels()
    {
        var registry = new MetricsRegistry(new ManualTime());
        var record = new RequestRecord
        {
            Direction = Direction.Outbound, Destination = "shop/reviews", Status = 504, Fault = Fault.ResponseTimeout, TotalMicros = 1_000_000,
        };
        registry.CreateShard().Record(record);
        var edge = new EdgeKey(Direction.Outbound, "unknown", "shop/reviews", "", ChannelSecurity.None);
        Counts(registry).ShouldBe(new Dictionary<SeriesKey, long> { [new SeriesKey(edge, 504, Fault.ResponseTimeout)] = 1 });
    }

    [Fact]
    public void Warm_recording_allocates_nothing()
    {
        var shard = new MetricsRegistry(new ManualTime()).CreateShard();
        var record = new RequestRecord { Source = "shop/front", Destination = "shop/catalog", DestinationVersion = "v1", Status = 200, TotalMicros = 700 };
        shard.Record(record);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) shard.Record(record);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void Series_beyond_the_limit_are_counted_together()
    {
        var registry = new MetricsRegistry(new ManualTime(), new MetricsLimits { MaxSeries = 3 });
        var shard = registry.CreateShard();
        for (var i = 0; i < 10; i++) shard.For(Edge($"shop/caller-{i}")).Record(200, Fault.None, 100);
        var counts = Counts(registry);
        counts.Count.ShouldBe(4);
        counts[SeriesKey.Overflow].ShouldBe(7);
    }

    [Fact]
    public void Idle_series_expires_and_its_room_is_used_again()
    {
        var time = new ManualTime();
        var registry = new MetricsRegistry(time, new MetricsLimits { MaxSeries = 1 });
        var shard = registry.CreateShard();
        var old = shard.For(Edge("shop/old"));
        old.Record(200, Fault.None, 100);
        Idle(time, registry, shard, TimeSpan.FromMinutes(65));
        Counts(registry).ShouldBeEmpty();

        shard.For(Edge("shop/new")).Record(200, Fault.None, 100);
        Counts(registry).ShouldBe(new Dictionary<SeriesKey, long> { [new SeriesKey(Edge("shop/new"), 200, Fault.None)] = 1 });

        old.Record(200, Fault.None, 100);
        Counts(registry)[SeriesKey.Overflow].ShouldBe(1, "a recorder kept from before must not count into the series that took its place");
    }

    [Fact]
    public void Series_is_not_freed_while_a_worker_may_still_count_into_it()
    {
        var time = new ManualTime();
        var registry = new MetricsRegistry(time, new MetricsLimits { MaxSeries = 1 });
        var (busy, asleep) = (registry.CreateShard(), registry.CreateShard());
        asleep.For(Edge("shop/old")).Record(200, Fault.None, 100);
        Idle(time, registry, busy, TimeSpan.FromHours(3));
        busy.For(Edge("shop/new")).Record(200, Fault.None, 100);

        asleep.For(Edge("shop/old")).Record(200, Fault.None, 100);

        var counts = Counts(registry);
        counts[new SeriesKey(Edge("shop/old"), 200, Fault.None)].ShouldBe(2);
        counts[SeriesKey.Overflow].ShouldBe(1);
    }

    [Fact]
    public void Series_in_use_outlives_any_number_of_sweeps()
    {
        var time = new ManualTime();
        var registry = new MetricsRegistry(time);
        var shard = registry.CreateShard();
        for (var minute = 0; minute < 300; minute += 50)
        {
            shard.For(Edge("shop/front")).Record(200, Fault.None, 100);
            Idle(time, registry, shard, TimeSpan.FromMinutes(50));
        }
        Counts(registry).Values.ShouldBe([6]);
    }

    [Fact]
    public async Task Collecting_while_workers_record_loses_nothing()
    {
        var registry = new MetricsRegistry(TimeProvider.System);
        const int requests = 200_000;
        var workers = Enumerable.Range(0, 2).Select(worker => registry.CreateShard()).Select((shard, worker) => Task.Run(() =>
        {
            for (var i = 0; i < requests; i++) shard.For(Edge($"shop/caller-{i % 100}")).Record(200 + i % 3, Fault.None, i);
        })).ToArray();
        var previous = 0L;
        while (!Task.WhenAll(workers).IsCompleted)
        {
            var total = Counts(registry).Values.Sum();
            total.ShouldBeGreaterThanOrEqualTo(previous);
            previous = total;
        }
        await Task.WhenAll(workers);
        Counts(registry).Values.Sum().ShouldBe(2 * requests);
    }

    [Fact]
    public void Connections_are_counted_and_gauged_by_side_and_security()
    {
        var registry = new MetricsRegistry(new ManualTime());
        var shard = registry.CreateShard();
        for (var i = 0; i < 3; i++) shard.ConnectionOpened(Direction.Inbound, ConnectionSide.Downstream, ChannelSecurity.Mtls);
        shard.ConnectionClosed(Direction.Inbound, ConnectionSide.Downstream, ChannelSecurity.Mtls);

        double Value(string name) => registry.Instruments
            .Single(i => i.Name == name && i.Labels.SequenceEqual([("direction", "inbound"), ("side", "downstream"), ("security", "mtls")])).Read();
        Value("weft_connections_total").ShouldBe(3);
        Value("weft_connections_active").ShouldBe(2);
    }

    [Fact]
    public void Limit_error_names_the_setting()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => new MetricsLimits { MaxSeries = 0 }).Message.ShouldContain("MaxSeries");
        Should.Throw<ArgumentOutOfRangeException>(() => new MetricsLimits { IdleExpiry = TimeSpan.FromSeconds(1) }).Message.ShouldContain("IdleExpiry");
    }

    /// <summary>Lets time pass as it does in a proxy: a collection each minute, and one shard that looks up once in a while.</summary>
    private static void Idle(ManualTime time, MetricsRegistry registry, MetricsShard awake, TimeSpan span)
    {
        for (var passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromMinutes(1))
        {
            time.Advance(TimeSpan.FromMinutes(1));
            registry.Collect((_, _, _) => { });
            awake.Refresh();
        }
    }
}
