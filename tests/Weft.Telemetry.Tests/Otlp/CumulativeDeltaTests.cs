using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Telemetry.Tests.Otlp;

public sealed class CumulativeDeltaTests
{
    private static readonly EdgeKey Edge = new(Direction.Inbound, "shop/front", "shop/catalog", "", ChannelSecurity.Mtls);

    private readonly ManualTime _time = new();
    private readonly CumulativeDelta _delta = new(TimeSpan.FromSeconds(30));

    /// <summary>A proxy process: restart it by making another.</summary>
    private sealed class Proxy(ManualTime time, string node = "catalog-1.shop")
    {
        private readonly MetricsRegistry _registry = new(time);
        private MetricsShard? _shard;

        public Proxy Serve(int requests, long micros = 1000, int status = 200)
        {
            _shard ??= _registry.CreateShard();
            for (var i = 0; i < requests; i++) _shard.For(Edge).Record(status, Fault.None, micros);
            return this;
        }

        public MetricsPush Push() =>
            OtlpMetricsReader.Read(OtlpMetricsWriter.Build(_registry, new MetricsSource("catalog", "shop", node), time.GetUtcNow())).Single();
    }

    private long Count(MetricsPush push) => _delta.Advance(push).Sum(d => d.Counts.Count);

    [Fact]
    public void Second_push_counts_what_came_since_the_first()
    {
        var proxy = new Proxy(_time).Serve(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(proxy.Push()).ShouldBe(10);
        var between = _time.GetUtcNow();
        _time.Advance(TimeSpan.FromSeconds(5));
        var delta = _delta.Advance(proxy.Serve(7, micros: 2000).Push()).Single();
        (delta.Counts.Count, delta.Counts.SumMicros, delta.From, delta.To).ShouldBe((7, 14_000, between, _time.GetUtcNow()));
    }

    [Fact]
    public void Quiet_series_is_left_out()
    {
        var proxy = new Proxy(_time).Serve(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(proxy.Push()).ShouldBe(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        _delta.Advance(proxy.Push()).ShouldBeEmpty();
    }

    [Fact]
    public void Lost_push_loses_nothing()
    {
        var proxy = new Proxy(_time).Serve(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(proxy.Push()).ShouldBe(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        proxy.Serve(3).Push();
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(proxy.Serve(4).Push()).ShouldBe(7);
    }

    [Fact]
    public void Restarted_proxy_counts_from_zero_even_when_it_has_overtaken_its_former_self()
    {
        var proxy = new Proxy(_time).Serve(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(proxy.Push()).ShouldBe(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        var restarted = new Proxy(_time).Serve(12);
        _time.Advance(TimeSpan.FromSeconds(1));
        Count(restarted.Push()).ShouldBe(12);
    }

    [Fact]
    public void Bucket_that_went_down_means_a_restart_whatever_the_start_time_says()
    {
        var push = new Proxy(_time).Serve(10).Push();
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(push with { Time = _time.GetUtcNow() }).ShouldBe(10);
        _time.Advance(TimeSpan.FromSeconds(5));
        var fewer = push.Series.Select(s => s with { Counts = new HistogramCounts(s.Counts.First, [4], 4000) }).ToList();
        Count(push with { Time = _time.GetUtcNow(), Series = fewer }).ShouldBe(4);
    }

    [Fact]
    public void Long_history_of_an_unknown_proxy_is_not_recent_traffic()
    {
        var proxy = new Proxy(_time).Serve(1_000);
        _time.Advance(TimeSpan.FromHours(1));
        Count(proxy.Push()).ShouldBe(0);
        _time.Advance(TimeSpan.FromSeconds(5));
        Count(proxy.Serve(2).Push()).ShouldBe(2);
    }

    [Fact]
    public void New_series_of_a_known_proxy_counts_whole()
    {
        var proxy = new Proxy(_time).Serve(1);
        _time.Advance(TimeSpan.FromHours(1));
        Count(proxy.Push()).ShouldBe(0);
        _time.Advance(TimeSpan.FromSeconds(5));
        var delta = _delta.Advance(proxy.Serve(3, status: 500).Push()).Single();
        (delta.Key.Status, delta.Counts.Count).ShouldBe((500, 3));
    }

    [Fact]
    public void Repeated_push_counts_once()
    {
        var push = new Proxy(_time).Serve(10).Push();
        Count(push).ShouldBe(10);
        Count(push).ShouldBe(0);
    }

    [Fact]
    public void Proxies_are_told_apart_by_node()
    {
        Count(new Proxy(_time, "a.shop").Serve(1).Push()).ShouldBe(1);
        Count(new Proxy(_time, "b.shop").Serve(2).Push()).ShouldBe(2);
    }

    [Fact]
    public void Forgotten_proxy_is_unknown_again()
    {
        var proxy = new Proxy(_time, "a.shop").Serve(5);
        Count(proxy.Push()).ShouldBe(5);
        _delta.Forget("a.shop");
        _time.Advance(TimeSpan.FromMinutes(5));
        Count(proxy.Push()).ShouldBe(0);
    }
}
