using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;

namespace Weft.Control.Tests.Insights;

/// <summary>A proxy that counts what a test says: the real writer and reader stand between its counters and whoever is told.</summary>
internal sealed class TellingProxy(ManualTime time, string node)
{
    private readonly MetricsRegistry _registry = new(time);
    private MetricsShard? _shard;

    private MetricsShard Shard => _shard ??= _registry.CreateShard();

    public void Record(Direction direction, string from, string to, ChannelSecurity security, int status, Fault fault, int millis) =>
        Shard.For(new EdgeKey(direction, from, to, "", security)).Record(status, fault, millis * 1000);

    public void Opened(Direction direction, string from, string to, ChannelSecurity security, long received, long sent)
    {
        var series = Connections(direction, from, to, security);
        series.Opened();
        series.Moved(received, sent);
    }

    public void Ended(Direction direction, string from, string to, ChannelSecurity security, Fault fault) =>
        Connections(direction, from, to, security).Closed(new ConnectionRecord { Fault = fault, TotalMicros = 1000 });

    public MetricsPush Push() => OtlpMetricsReader.Read(OtlpMetricsWriter.Build(_registry, new MetricsSource("s", "default", node), time.GetUtcNow())).Single();

    private ConnectionSeries Connections(Direction direction, string from, string to, ChannelSecurity security) => Shard.Connections(new EdgeKey(direction, from, to, "", security));
}
