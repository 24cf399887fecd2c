using Weft.Proxy.Configuration;
using Weft.Proxy.Workers;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Reporting;

/// <summary>What the process says of itself: its configuration, its memory, and the faults that it survived. Names of what every process has are
/// those that Prometheus client libraries share.</summary>
internal sealed class ProcessMetrics
{
    private readonly Counter _stalls;
    private readonly Counter _contained;

    public ProcessMetrics(MetricsRegistry registry, ConfigStore config)
    {
        registry.AddGauge("weft_config_generation", "Versions of the configuration that were put into use since the process began.", () => config.Current.Generation);
        registry.AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.", () => Environment.WorkingSet);
        registry.AddGauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", () => registry.Started.ToUnixTimeMilliseconds() / 1000.0);
        registry.AddCounter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", () => Environment.CpuUsage.TotalTime.TotalSeconds);
        registry.AddCounter("weft_gc_pause_seconds_total", "Time for which the garbage collector stopped all threads.", () => GC.GetTotalPauseDuration().TotalSeconds);
        registry.AddGauge("weft_gc_heap_bytes", "Managed memory after the last collection.", () => GC.GetGCMemoryInfo().HeapSizeBytes);
        _stalls = registry.AddCounter("weft_worker_stalls_total", "Times that a worker did not turn its loop for a second.");
        _contained = registry.AddCounter("weft_contained_faults_total", "Exceptions that cost an exchange or a connection, not the process.");
    }

    /// <summary>For the watchdog.</summary>
    public void Stalled(Worker worker) => _stalls.Add();

    /// <summary>For the workers' report of exceptions.</summary>
    public void Contained(ContainedFault fault) => _contained.Add();
}
