using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Workers;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Pipelines;

/// <summary>The workers of this process, each on a thread of its own, and the listeners that they share.</summary>
internal sealed class DataPlane
{
    private readonly List<WorkerContext> _workers = [];
    private readonly List<Thread> _threads = [];
    private ConfigMap<BoundListener> _listeners = ConfigMap<BoundListener>.Empty; // of the last version; publishing thread only

    /// <param name="count">Workers; 1 for a sidecar, one per core for a gateway.</param>
    /// <param name="admission">Limits of the process.</param>
    /// <param name="report">Told once of every exception that a worker survived.</param>
    public DataPlane(
        int count, ConfigStore config, MetricsRegistry metrics, NodeIdentity node, Admission admission, TimeProvider time, ulong seed, Action<ContainedFault> report)
    {
        var detection = DetectionContext.Create(metrics, time);
        for (var i = 0; i < count; i++)
        {
            var worker = new Worker($"worker-{i}", new WorkerSettings(), time, report);
            _workers.Add(new WorkerContext(worker, config, metrics.CreateShard(), node, admission, seed + (ulong)i * 0x9E3779B97F4A7C15) { Detection = detection });
        }
        const string Silent = "weft_connections_silent_total", Help = "Connections that ended because their peer had gone without a word: TCP heard nothing of it for too long.";
        metrics.AddCounter(Silent, Help, () => _workers.Sum(w => w.Worker.SilentClients), ("side", "client"));
        metrics.AddCounter(Silent, Help, () => _workers.Sum(w => w.Worker.SilentEndpoints), ("side", "endpoint"));
        Listeners = new ListenerHost(_workers, metrics, time, admission.Warn);
        config.Published += OnPublished;
    }

    public ListenerHost Listeners { get; }

    public IReadOnlyList<Worker> Workers => [.. _workers.Select(w => w.Worker)];

    public void Start()
    {
        foreach (var context in _workers)
        {
            var thread = new Thread(context.Worker.Run) { Name = context.Worker.Name, IsBackground = true, Priority = ThreadPriority.AboveNormal };
            thread.Start();
            _threads.Add(thread);
        }
    }

    /// <summary>From now on connections of the scope are told to end: HTTP/2's by GOAWAY, HTTP/1's with their next response, or after <paramref name="idleGrace"/> without one. Never goes back to
    /// a smaller scope.</summary>
    public void BeginDrain(DrainScope scope, TimeSpan idleGrace)
    {
        foreach (var context in _workers)
        {
            context.Worker.Post(() =>
            {
                if (context.Draining >= scope) return;
                context.Draining = scope;
                context.IdleGraceMs = (long)idleGrace.TotalMilliseconds;
                context.Connections.ForEach(static c => { if (c.Connection.IsEnding) c.BeginDrain(); });
            });
        }
    }

    /// <summary>A drain's time is over: what could not be told to end is ended. Completes when it is.</summary>
    public async Task EndDrainAsync(DrainScope scope)
    {
        foreach (var context in _workers)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            context.Worker.Post(() =>
            {
                context.Connections.ForEach(c => { if (scope == DrainScope.All || !c.Connection.IsOutbound) c.EndDrain(); });
                done.SetResult();
            });
            await done.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Open connections: of others, and of the application beside the proxy.</summary>
    public async Task<(int Inbound, int Outbound)> CountConnectionsAsync()
    {
        var (inbound, outbound) = (0, 0);
        foreach (var context in _workers)
        {
            var counted = await CountAsync(context).ConfigureAwait(false);
            inbound += counted.Inbound;
            outbound += counted.Outbound;
        }
        return (inbound, outbound);
    }

    public void Stop()
    {
        foreach (var context in _workers) context.Worker.Stop();
        foreach (var thread in _threads) thread.Join(TimeSpan.FromSeconds(2));
        Listeners.Dispose();
    }

    private static Task<(int Inbound, int Outbound)> CountAsync(WorkerContext context)
    {
        var result = new TaskCompletionSource<(int, int)>(TaskCreationOptions.RunContinuationsAsynchronously);
        context.Worker.Post(() =>
        {
            var outbound = 0;
            context.Connections.ForEach(c => { if (c.Connection.IsOutbound) outbound++; });
            result.SetResult((context.Connections.Count - outbound, outbound));
        });
        return result.Task;
    }

    private void OnPublished(ProxyConfig config)
    {
        // Endpoints change a hundred times a second, listeners hardly ever: only these make it worth visiting every connection.
        var listenersChanged = !ReferenceEquals(config.Listeners, _listeners);
        _listeners = config.Listeners;
        foreach (var context in _workers)
        {
            context.Worker.Post(() =>
            {
                context.Upstream.OnPublished(config);
                context.Waiting.OnPublished(config);
                context.Names.OnPublished(config);
                if (listenersChanged) context.Connections.ForEach(c => Follow(c, config, context));
            });
        }
    }

    /// <summary>A connection whose chain has vanished, or would not let it in any more, is told to end now, not with the next request that it would have to refuse.</summary>
    private static void Follow(IServerConnection connection, ProxyConfig config, WorkerContext context)
    {
        connection.Connection.Follow(config);
        if (connection.Connection.IsWithdrawnNow()) connection.Withdraw(context.Withdrawals);
        else if (connection.Connection.IsEnding) connection.BeginDrain();
    }
}
