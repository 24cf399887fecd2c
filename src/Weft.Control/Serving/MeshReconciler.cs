using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Weft.Control.Api;
using Weft.Control.Model;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Serving;

/// <summary>
/// The one loop from stored changes to a published mesh: wait for a change, let a burst finish (the only debounce there is), build, publish.
/// A change that means nothing to a proxy, status or a renewed Lease, builds nothing. What proxies found out of ports is the one input that no resource says.
/// </summary>
public sealed partial class MeshReconciler
{
    private readonly ResourceStore _store;
    private readonly ServingOptions _options;
    private readonly TimeProvider _time;
    private readonly VerdictBoard _verdicts;
    private readonly LeaseTracker _leases;
    private readonly ILogger _log;
    private ImmutableHashSet<ServicePortKey> _httpPorts = [];
    private long _seen;

    public MeshReconciler(ResourceStore store, VerdictBoard verdicts, ServingOptions options, TimeProvider time, ILoggerFactory logs)
    {
        (_store, _verdicts, _options, _time) = (store, verdicts, options, time);
        _log = logs.CreateLogger<MeshReconciler>();
        _leases = new LeaseTracker(time, 2 * options.LeaseCheckInterval);
        var state = store.Current;
        _httpPorts = verdicts.HttpPorts.Value;
        _leases.Update(state, canRenew: true);
        _seen = state.Revision;
        var model = Build(state, previous: null);
        Models = new Latest<MeshModel>(model);
        Mesh = new Latest<PublishedMesh>(new PublishedMesh(model, state.Revision));
    }

    /// <summary>What proxies are served from; complete as of construction.</summary>
    public Latest<MeshModel> Models { get; }

    /// <summary>The same with how much of the store it covers. It changes with every renewed Lease, so streams do not wait on it.</summary>
    public Latest<PublishedMesh> Mesh { get; }

    /// <summary>Leases that nobody has renewed for <see cref="ServingOptions.AbandonedAfter"/> after their end.</summary>
    public IReadOnlyList<Lease> Abandoned { get; private set; } = [];

    /// <summary>Models built since the start.</summary>
    public long Builds { get; private set; }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var looks = new PeriodicTimer(_options.LeaseCheckInterval, _time);
        var look = looks.WaitForNextTickAsync(cancel).AsTask();
        while (true)
        {
            var change = _store.History.WaitAsync(_seen, cancel);
            await Task.WhenAny(change, look, _verdicts.HttpPorts.WhenNot(_httpPorts));
            cancel.ThrowIfCancellationRequested();
            if (change.IsCompleted) await LetBurstFinishAsync(cancel);
            if (look.IsCompleted) look = looks.WaitForNextTickAsync(cancel).AsTask();
            try
            {
                Step();
            }
            catch (Exception e)
            {
                // The mesh goes on under the last model. The next change tries again, with this one in it.
                Log.BuildFailed(_log, e);
            }
        }
    }

    private async Task LetBurstFinishAsync(CancellationToken cancel)
    {
        var until = _time.GetTimestamp();
        while (_time.GetElapsedTime(until) < _options.DebounceMax)
        {
            var revision = _store.Current.Revision;
            using var quiet = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var pause = Task.Delay(_options.DebounceQuiet, _time, quiet.Token);
            if (await Task.WhenAny(_store.History.WaitAsync(revision, quiet.Token), pause) == pause) return;
            await quiet.CancelAsync();
        }
    }

    /// <summary>Takes in everything up to now.</summary>
    private void Step()
    {
        var state = _store.Current;
        var leasesChanged = _leases.Update(state, canRenew: _store.LastFailure is null);
        Abandoned = _leases.EndedFor(_options.AbandonedAfter);
        var verdictsChanged = !ReferenceEquals(_verdicts.HttpPorts.Value, _httpPorts);
        if (leasesChanged || verdictsChanged || MeansSomething(_seen, state.Revision))
        {
            _httpPorts = _verdicts.HttpPorts.Value;
            var model = Build(state, Models.Value);
            _seen = state.Revision;
            Models.Publish(model);
            Mesh.Publish(new PublishedMesh(model, state.Revision));
        }
        else if (state.Revision > _seen)
        {
            _seen = state.Revision;
            Mesh.Publish(Mesh.Value with { Covered = state.Revision });
        }
    }

    private MeshModel Build(StoreState state, MeshModel? previous)
    {
        var started = _time.GetTimestamp();
        var resources = ResourceKinds.All.Where(k => k != ResourceKinds.Lease).SelectMany(k => state.List(k)).ToList();
        // An expiry changes the mesh and not the store: the revision must grow all the same.
        var revision = Math.Max(state.Revision, (previous?.Revision ?? -1) + 1);
        var model = MeshModel.Build(new ModelInputs(resources, _leases.Expired, revision) { HttpPorts = _httpPorts }, previous);
        Builds++;
        Log.Built(_log, revision, resources.Count, model.Rebuilt.All, _time.GetElapsedTime(started).TotalMilliseconds);
        return model;
    }

    /// <summary>Whether any change in (from, to] is one that proxies could notice.</summary>
    private bool MeansSomething(long from, long to)
    {
        try
        {
            while (from < to)
            {
                foreach (var e in _store.History.Read(from))
                {
                    if (e.Revision > to) return false;
                    if (IsIntent(e)) return true;
                    from = e.Revision;
                }
            }
            return false;
        }
        catch (HistoryGoneException)
        {
            return true; // too far behind to know: build
        }
    }

    private static bool IsIntent(StoreEvent e)
    {
        if (StoredObjects.KindOf(e.Entry.Key.Collection) is not { } kind || kind == ResourceKinds.Lease) return false;
        return e.Type != StoreEventType.Modified || !StoredObjects.Typed(e.Entry).SameIntent(StoredObjects.Typed(e.Previous!));
    }

    private static partial class Log
    {
        [LoggerMessage(4100, LogLevel.Debug, "revision {Revision}: {Objects} objects, {Rebuilt} parts rebuilt in {Milliseconds:0.0} ms")]
        public static partial void Built(ILogger log, long revision, int objects, int rebuilt, double milliseconds);

        [LoggerMessage(4101, LogLevel.Error, "the mesh could not be built from its resources; proxies keep the last configuration")]
        public static partial void BuildFailed(ILogger log, Exception e);
    }
}
