using Opentelemetry.Proto.Collector.Metrics.V1;
using Weft.Grpc;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;

namespace Weft.Proxy.Reporting;

/// <summary>
/// Pushes all metrics to the control plane, over and over (opentelemetry.proto.collector.metrics.v1.MetricsService/Export). Counts are cumulative, so a push
/// that fails is not kept: the next one says everything that it would have said.
/// </summary>
internal sealed class MetricsPusher : IAsyncDisposable
{
    private static readonly GrpcMethod<ExportMetricsServiceRequest, ExportMetricsServiceResponse> Export =
        new("opentelemetry.proto.collector.metrics.v1.MetricsService", "Export", ExportMetricsServiceRequest.Parser, ExportMetricsServiceResponse.Parser);

    private readonly MetricsRegistry _registry;
    private readonly MetricsSource _source;
    private readonly MetricsPushSettings _settings;
    private readonly TimeProvider _time;
    private readonly Action<string> _warn;
    private readonly GrpcClient _client;
    private readonly Counter _failures;
    private readonly Counter _pushes;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private string? _lastFailure;

    /// <summary>Starts pushing.</summary>
    /// <param name="source">Whom the metrics are of.</param>
    /// <param name="invoker">Connections to the control plane; stays the caller's, who disposes it after this.</param>
    /// <param name="address">The control plane: scheme, host and port.</param>
    /// <param name="warn">Told when pushing begins to fail, with the reason, and when the reason changes: not every five seconds.</param>
    public MetricsPusher(
        MetricsRegistry registry, MetricsSource source, HttpMessageInvoker invoker, Uri address, MetricsPushSettings settings, TimeProvider time, Action<string> warn)
    {
        (_registry, _source, _settings, _time, _warn) = (registry, source, settings, time, warn);
        _client = new GrpcClient(invoker, address, new GrpcClientOptions { Time = time });
        _pushes = registry.AddCounter("weft_metrics_pushes_total", "Pushes of metrics that the control plane took.");
        _failures = registry.AddCounter("weft_metrics_push_failures_total", "Pushes of metrics that failed; the next one makes up for them.");
        _running = Task.Run(RunAsync);
    }

    /// <summary>Why the last push failed; null after a success and before the first.</summary>
    public string? LastFailure => Volatile.Read(ref _lastFailure);

    /// <summary>Pushes once more, so that the last requests of a workload are counted, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        await _running;
        await PushAsync(_settings.LastTimeout, CancellationToken.None);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            await Task.Delay(_settings.FirstAfter, _time, _stop.Token);
            using var timer = new PeriodicTimer(_settings.Interval, _time); // ticks that pass during a push become one
            do
            {
                await PushAsync(_settings.Timeout, _stop.Token);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
    }

    private async Task PushAsync(TimeSpan timeout, CancellationToken cancel)
    {
        try
        {
            var request = OtlpMetricsWriter.Build(_registry, _source, _time.GetUtcNow());
            await _client.UnaryAsync(Export, request, new GrpcCallOptions { Timeout = timeout }, cancel);
            _pushes.Add();
            Volatile.Write(ref _lastFailure, null);
        }
        // Whatever it is, metrics must not end the process that they are about.
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Fail(e.Message);
        }
    }

    private void Fail(string reason)
    {
        _failures.Add();
        if (reason == LastFailure) return;
        Volatile.Write(ref _lastFailure, reason);
        _warn($"metrics are not reaching the control plane: {reason}");
    }
}
