using Shouldly;
using Weft.Proxy.Workers;
using Xunit;

namespace Weft.Proxy.Tests.Workers;

public sealed class TimerWheelTests
{
    /// <summary>Whatever is scheduled, moved and cancelled, and in whatever steps time goes: every timer fires at the first Advance at or after its due time, once, in order.</summary>
    [Theory]
    [InlineData(1, 0, 100)]
    [InlineData(2, 63, 5_000)]
    [InlineData(3, 4_095, 300_000)]
    [InlineData(4, 1L << 41, 20_000_000)]
    [InlineData(5, (1L << 42) - 3, 5_000_000_000)]
    public void Timers_fire_as_a_sorted_list_would(int seed, long start, long span)
    {
        var random = new Random(seed);
        var fired = new List<TimerNode>();
        var log = new Log(fired);
        var now = start;
        var wheel = new TimerWheel(now, (_, e) => throw e);
        var nodes = Enumerable.Range(0, 300).Select(i => new TimerNode(log, i)).ToArray();
        var model = new Dictionary<TimerNode, long>();
        for (var step = 0; step < 20_000; step++)
        {
            var node = nodes[random.Next(nodes.Length)];
            switch (random.Next(5))
            {
                case 0 or 1:
                    var delay = (long)(Math.Pow(random.NextDouble(), 6) * span);
                    wheel.Schedule(node, delay);
                    model[node] = now + Math.Max(1, delay);
                    node.DueMs.ShouldBe(model[node]);
                    break;
                case 2:
                    wheel.Cancel(node);
                    model.Remove(node);
                    node.IsScheduled.ShouldBeFalse();
                    break;
                default:
                    var next = wheel.NextDelayMs();
                    if (model.Count == 0) next.ShouldBe(-1);
                    else next.ShouldBeInRange(0, model.Values.Min() - now, "it may wake early, to move timers down, but never late");
                    now += random.Next(3) switch { 0 => 1, 1 => Math.Max(next, 1), _ => (long)(Math.Pow(random.NextDouble(), 8) * span) + 1 };
                    fired.Clear();
                    wheel.Advance(now);
                    var due = model.Where(m => m.Value <= now).ToList();
                    fired.ShouldBe(due.Select(m => m.Key), ignoreOrder: true);
                    fired.Select(f => model[f]).ShouldBeInOrder();
                    due.ForEach(d => model.Remove(d.Key));
                    break;
            }
            wheel.Count.ShouldBe(model.Count);
        }
    }

    [Fact]
    public void Following_the_wheels_own_delays_meets_every_due_time_exactly()
    {
        var random = new Random(11);
        var fired = new List<TimerNode>();
        var log = new Log(fired);
        var now = 123_456_789L;
        var wheel = new TimerWheel(now, (_, e) => throw e);
        foreach (var delay in Enumerable.Range(0, 2_000).Select(_ => random.NextInt64(1, 400_000))) wheel.Schedule(new TimerNode(log), delay);
        while (wheel.Count > 0)
        {
            now += wheel.NextDelayMs();
            fired.Clear();
            wheel.Advance(now);
            fired.ShouldAllBe(f => f.DueMs == now);
        }
    }

    [Fact]
    public void A_handler_may_schedule_and_cancel_from_its_own_call()
    {
        var count = 0;
        TimerNode? second = null;
        TimerWheel? wheel = null;
        var victim = new TimerNode(new Act(_ => throw new InvalidOperationException("it was cancelled")));
        var first = new TimerNode(new Act(node =>
        {
            wheel!.Cancel(victim);
            if (++count < 5) wheel.Schedule(node, 0);
            wheel.Schedule(second!, 10);
        }));
        second = new TimerNode(new Act(_ => count += 100));
        wheel = new TimerWheel(0, (_, e) => throw e);
        wheel.Schedule(victim, 50);
        wheel.Schedule(first, 50);
        wheel.Advance(50);
        if (count != 1) Assert.Fail("the timer fired again within the same Advance");
        for (var now = 51; now < 55; now++) wheel.Advance(now);
        count.ShouldBe(5);
        wheel.Advance(64);
        count.ShouldBe(105);
        wheel.Count.ShouldBe(0);
    }

    [Fact]
    public void A_handler_that_throws_is_reported_and_the_others_fire()
    {
        var reported = new List<Exception>();
        var fired = new List<TimerNode>();
        var wheel = new TimerWheel(0, (_, e) => reported.Add(e));
        wheel.Schedule(new TimerNode(new Log(fired)), 5);
        wheel.Schedule(new TimerNode(new Act(_ => throw new InvalidOperationException("boom"))), 5);
        wheel.Schedule(new TimerNode(new Log(fired)), 6);
        wheel.Advance(10);
        reported.Single().Message.ShouldBe("boom");
        fired.Count.ShouldBe(2);
    }

    [Fact]
    public void Scheduling_moving_and_firing_allocate_nothing()
    {
        var count = 0;
        var wheel = new TimerWheel(0, (_, e) => throw e);
        var nodes = Enumerable.Range(0, 64).Select(_ => new TimerNode(new Act(_ => count++))).ToArray();
        var now = 0L;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
        {
            wheel.Schedule(nodes[i % 64], (i * 7919) % 10_000);
            wheel.Advance(now += 3);
        }
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        count.ShouldBeGreaterThan(0);
    }

    private sealed class Log(List<TimerNode> fired) : ITimerHandler
    {
        public void OnTimer(TimerNode node) => fired.Add(node);
    }

    private sealed class Act(Action<TimerNode> action) : ITimerHandler
    {
        public void OnTimer(TimerNode node) => action(node);
    }

    [Fact]
    public void A_timer_scheduled_after_a_long_wait_counts_from_the_time_after_it()
    {
        var fired = 0;
        var wheel = new TimerWheel(0, (_, e) => throw e);
        var node = new TimerNode(new Counter(() => fired++));
        wheel.SetNow(1000); // the loop slept for a second; its handlers run before Advance does
        wheel.Schedule(node, 50);
        wheel.Advance(1000);
        fired.ShouldBe(0);
        wheel.Advance(1049);
        fired.ShouldBe(0);
        wheel.Advance(1050);
        fired.ShouldBe(1);
    }

    private sealed class Counter(Action count) : ITimerHandler
    {
        public void OnTimer(TimerNode node) => count();
    }
}
