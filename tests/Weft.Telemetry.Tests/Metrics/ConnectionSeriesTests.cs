using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Telemetry.Tests.Metrics;

public sealed class ConnectionSeriesTests
{
    private static EdgeKey Edge(string destination) => new(Direction.Outbound, "shop/front", destination, "", ChannelSecurity.Mtls);

    [Fact]
    public void Shards_are_summed_by_edge_and_edges_stand_in_order()
    {
        var registry = new MetricsRegistry(new ManualTime());
        foreach (var shard in new[] { registry.CreateShard(), registry.CreateShard() })
        {
            shard.Connections(Edge("shop/b")).Opened();
            shard.Connections(Edge("shop/a")).Opened();
            shard.Connections(Edge("shop/a")).Moved(received: 3, sent: 5);
        }
        registry.CollectConnections().Select(c => (c.Edge.Destination, c.Totals.Opened, c.Totals.Active, c.Totals.ReceivedBytes, c.Totals.SentBytes))
            .ShouldBe([("shop/a", 2, 2, 6, 10), ("shop/b", 2, 2, 0, 0)]);
    }

    [Fact]
    public void Edges_for_which_there_is_no_room_are_counted_together()
    {
        var registry = new MetricsRegistry(new ManualTime(), new MetricsLimits { MaxSeries = 20 });
        var shard = registry.CreateShard();
        for (var i = 0; i < 50; i++) shard.Connections(Edge($"shop/{i}")).Opened();
        var edges = registry.CollectConnections();
        edges.Count.ShouldBe(21);
        edges.Single(e => e.Edge == SeriesKey.Overflow.Edge).Totals.Opened.ShouldBe(30);
    }

    [Fact]
    public void Counting_allocates_nothing_once_every_way_of_ending_was_seen()
    {
        var shard = new MetricsRegistry(new ManualTime()).CreateShard();
        Faults.All.ToList().ForEach(row => Count(shard, row.Fault));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) Count(shard, (Fault)(i % Faults.All.Length));
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000); // what the runtime itself takes while it compiles the loop anew
    }

    private static void Count(MetricsShard shard, Fault fault)
    {
        var series = shard.Connections(new EdgeKey(Direction.Outbound, "a", "b", "", ChannelSecurity.None));
        series.Opened();
        series.Moved(1, 1);
        series.Closed(new ConnectionRecord { TotalMicros = 12, Fault = fault });
    }
}
