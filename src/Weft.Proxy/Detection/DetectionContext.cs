using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Detection;

/// <summary>What all detections of a process share. Any thread.</summary>
internal sealed record DetectionContext(VerdictMemory Memory, PeerMemory Peers, DetectionMetrics Metrics)
{
    public static DetectionContext Create(MetricsRegistry registry, TimeProvider time)
    {
        var metrics = new DetectionMetrics(registry);
        var memory = new VerdictMemory(metrics, time);
        registry.Verdicts = memory.All;
        return new DetectionContext(memory, new PeerMemory(time), metrics);
    }
}
