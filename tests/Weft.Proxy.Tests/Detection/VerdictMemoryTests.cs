using Shouldly;
using Weft.Proxy.Detection;
using Weft.Telemetry.Metrics;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

public sealed class VerdictMemoryTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualTime _time = new();
    private readonly MetricsRegistry _metrics;
    private readonly VerdictMemory _memory;

    public VerdictMemoryTests()
    {
        _metrics = new MetricsRegistry(_time);
        _memory = new VerdictMemory(new DetectionMetrics(_metrics), _time, maxEntries: 3);
    }

    [Fact]
    public void A_verdict_holds_for_its_time_and_each_confirmation_begins_it_anew()
    {
        _memory.Find("db").ShouldBe(Verdict.Unknown);
        _memory.Observe("db", Verdict.ServerFirst, Minute);
        _time.Advance(Minute / 2);
        _memory.Observe("db", Verdict.ServerFirst, Minute);
        _time.Advance(Minute * 0.9);
        _memory.Find("db").ShouldBe(Verdict.ServerFirst);
        _time.Advance(Minute / 5);
        _memory.Find("db").ShouldBe(Verdict.Unknown);
        Forgotten("age").ShouldBe(1);
    }

    [Fact]
    public void An_opposite_observation_forgets_and_only_the_next_one_teaches()
    {
        _memory.Observe("x", Verdict.ServerFirst, Minute);
        _memory.Observe("x", Verdict.Http, Minute);
        _memory.Find("x").ShouldBe(Verdict.Unknown);
        Forgotten("contradicted").ShouldBe(1);
        _memory.Observe("x", Verdict.Http, Minute);
        _memory.Find("x").ShouldBe(Verdict.Http);
    }

    [Fact]
    public void Nothing_is_remembered_where_that_is_switched_off()
    {
        _memory.Observe("x", Verdict.Http, TimeSpan.Zero);
        _memory.Count.ShouldBe(0);
    }

    [Fact]
    public void The_oldest_makes_room_for_a_new_one()
    {
        foreach (var name in new[] { "a", "b", "c", "d", "e" })
        {
            _memory.Observe(name, Verdict.Http, Minute);
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        _memory.Count.ShouldBe(3);
        _memory.Find("b").ShouldBe(Verdict.Unknown);
        _memory.Find("c").ShouldBe(Verdict.Http);
        Forgotten("full").ShouldBe(2);
    }

    private double Forgotten(string reason) => _metrics.Instruments.Single(i => i.Name == "weft_detection_forgotten_total" && i.Labels[0].Value == reason).Read();
}
