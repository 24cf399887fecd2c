using System.Runtime;
using Weft.Proxy.Configuration;
using Weft.Proxy.Warmup;
using Weft.Proxy.Workers;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Reporting;

/// <summary>What the process says of itself: its configuration, its memory, and the faults that it survived. Names of what every process has are
/// those that Prometheus client libraries share.</summary>
internal sealed class ProcessMetrics
{
    private readonly Counter _stalls;
    private readonly Counter _contained;

    /// <param name="warmup">What came of the warm-up; null while it runs, and without one.</param>
    public ProcessMetrics(MetricsRegistry registry, ConfigStore config, Func<WarmupReport?> warmup)
    {
        registry.AddGauge("weft_config_generation", "Versions of the configuration that were put into use since the process began.", () => config.Current.Generation);
        registry.AddGauge("process_resident_memory_bytes", "Resident memory size in bytes.", () => Environment.WorkingSet);
        registry.AddGauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", () => registry.Started.ToUnixTimeMilliseconds() / 1000.0);
        registry.AddCounter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", () => Environment.CpuUsage.TotalTime.TotalSeconds);
        registry.AddCounter("weft_gc_pause_seconds_total", "Time for which the garbage collector stopped all threads.", () => GC.GetTotalPauseDuration().TotalSeconds);
        registry.AddGauge("weft_gc_heap_bytes", "Managed memory after the last collection.", () => GC.GetGCMemoryInfo().HeapSizeBytes);
        registry.AddGauge("weft_gc_gen0_budget_bytes", "Allocation after which the collector runs, as it was told at the start (System.GC.Gen0MaxBudget).",
            () => GC.GetConfigurationVariables().GetValueOrDefault("GCGen0MaxBudget") is long bytes ? bytes : 0);
        registry.AddGauge("weft_gc_concurrent", "1 when full collections run beside the workers (System.GC.Concurrent), else 0.",
            () => GCSettings.LatencyMode == GCLatencyMode.Interactive ? 1 : 0);
        registry.AddCounter("weft_jit_methods_total", "Methods compiled by the just-in-time compiler.", () => JitInfo.GetCompiledMethodCount());
        registry.AddCounter("weft_jit_seconds_total", "Time spent in the just-in-time compiler, over all threads.", () => JitInfo.GetCompilationTime().TotalSeconds);
        registry.AddGauge("weft_warmup_duration_seconds", "How long the proxy exercised its own code after its start; 0 while it does.", () => warmup()?.Took.TotalSeconds ?? 0);
        registry.AddGauge("weft_warmup_requests", "Requests of that exercise; they are in no other metric.", () => warmup()?.Requests ?? 0);
        registry.AddGauge("weft_warmup_unexpected", "Requests of that exercise that ended otherwise than they should: not 0 is a defect.", () => warmup()?.Unexpected ?? 0);
        _stalls = registry.AddCounter("weft_worker_stalls_total", "Times that a worker did not turn its loop for a second.");
        _contained = registry.AddCounter("weft_contained_faults_total", "Exceptions that cost an exchange or a connection, not the process.");
    }

    /// <summary>For the watchdog.</summary>
    public void Stalled(Worker worker) => _stalls.Add();

    /// <summary>For the workers' report of exceptions.</summary>
    public void Contained(ContainedFault fault) => _contained.Add();
}
