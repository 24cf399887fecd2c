using Weft.Proxy.Configuration;
using Weft.Proxy.Listening;
using Weft.Proxy.Workers;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Pipelines;

/// <summary>The workers of this process, each on a thread of its own, and the listeners that they share.</summary>
internal sealed class DataPlane
{
    private readonly List<WorkerContext> _workers = [];
    private readonly List<Thread> _threads = [];

    /// <param name="count">Workers; 1 for a sidecar, one per core for a gateway.</param>
    /// <param name="report">Told once of every exception that a worker survived.</param>
    public DataPlane(int count, ConfigStore config, MetricsRegistry metrics, NodeIdentity node, TimeProvider time, ulong seed, Action<ContainedFault> report)
    {
        for (var i = 0; i < count; i++)
        {
            var worker = new Worker($"worker-{i}", new WorkerSettings(), time, report);
            _workers.Add(new WorkerContext(worker, config, metrics.CreateShard(), node, seed + (ulong)i * 0x9E3779B97F4A7C15));
        }
        Listeners = new ListenerHost(_workers);
        config.Published += OnPublished;
    }

    public ListenerHost Listeners { get; }

    public IReadOnlyList<Worker> Workers => [.. _workers.Select(w => w.Worker)];

    public bool IsDraining { get; private set; }

    public void Start()
    {
        foreach (var context in _workers)
        {
            var thread = new Thread(context.Worker.Run) { Name = context.Worker.Name, IsBackground = true, Priority = ThreadPriority.AboveNormal };
            thread.Start();
            _threads.Add(thread);
        }
    }

    /// <summary>
    /// From now on every response ends its connection, and idle connections are left to their clients, who were told to go elsewhere;
    /// connections that are still idle when <paramref name="grace"/> is over are closed. Listening goes on: a connection that is on its way is served.
    /// </summary>
    public async Task DrainAsync(TimeSpan grace, TimeProvider time)
    {
        IsDraining = true;
        foreach (var context in _workers)
        {
            context.Worker.Post(() =>
            {
                context.Draining = true;
                context.Connections.ForEach(c => c.BeginDrain());
            });
        }
        var started = time.GetTimestamp();
        // Idle clients get a moment to notice that the endpoint has left; then only connections with a request on them are waited for.
        var idleGrace = TimeSpan.FromTicks(Math.Min(grace.Ticks / 2, TimeSpan.FromSeconds(2).Ticks));
        while (time.GetElapsedTime(started) < grace)
        {
            var closeIdle = time.GetElapsedTime(started) >= idleGrace;
            var open = 0;
            foreach (var context in _workers) open += await OpenConnectionsAsync(context, closeIdle).ConfigureAwait(false);
            if (open == 0) return;
            await Task.Delay(TimeSpan.FromMilliseconds(50), time).ConfigureAwait(false);
        }
    }

    public void Stop()
    {
        foreach (var context in _workers) context.Worker.Stop();
        foreach (var thread in _threads) thread.Join(TimeSpan.FromSeconds(2));
    }

    private static Task<int> OpenConnectionsAsync(WorkerContext context, bool closeIdle)
    {
        var result = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        context.Worker.Post(() =>
        {
            if (closeIdle) context.Connections.ForEach(c => { if (c.IsIdle) c.CloseIdle(); });
            result.SetResult(context.Connections.Count);
        });
        return result.Task;
    }

    private void OnPublished(ProxyConfig config)
    {
        foreach (var context in _workers)
        {
            context.Worker.Post(() =>
            {
                context.Upstream.OnPublished(config);
                context.Waiting.OnPublished(config);
            });
        }
    }
}
