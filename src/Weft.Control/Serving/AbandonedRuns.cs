using Microsoft.Extensions.Logging;
using Weft.Control.Api;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Serving;

/// <summary>
/// Removes what a killed <c>weft run</c> could not: its Workload and its Lease, once the Lease has been over for
/// <see cref="ServingOptions.AbandonedAfter"/>. Only what <c>weft run</c> labelled as its own goes. A run that was merely out of reach for so long
/// finds its Lease missing at the next renewal and registers anew.
/// </summary>
/// <param name="abandoned">The Leases that have been over for long enough, as they were then.</param>
public sealed partial class AbandonedRuns(ResourceStore store, Func<IReadOnlyList<Lease>> abandoned, ServingOptions options, TimeProvider time, ILoggerFactory logs)
{
    private readonly ILogger _log = logs.CreateLogger<AbandonedRuns>();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var looks = new PeriodicTimer(options.LeaseCheckInterval, time);
        while (await looks.WaitForNextTickAsync(cancel))
        {
            foreach (var lease in abandoned()) await RemoveAsync(lease);
        }
    }

    private async Task RemoveAsync(Lease lease)
    {
        if (Removal(store.Current, lease) is not { } removal) return;
        try
        {
            if ((await store.CommitAsync(removal)).Accepted) Log.Removed(_log, lease.Metadata.Namespace, lease.Metadata.Name);
            // Otherwise one of the two was written meanwhile: the next look decides anew.
        }
        catch (StoreUnavailableException)
        {
            // while the store cannot write no Lease can be renewed, and none is over
        }
    }

    /// <summary>The two deletes as one change, which fails when either object is not what it was: with the Lease alone gone the Workload would live
    /// for ever, and with the Workload alone gone a run that came back would renew its Lease and never notice. Null where nothing may be removed.</summary>
    internal static StoreTransaction? Removal(StoreState state, Lease lease)
    {
        var (ns, name) = (lease.Metadata.Namespace, lease.Metadata.Name);
        if (!IsOfRun(lease) || state.Find(ResourceKinds.Lease, ns, name)?.Metadata.ResourceVersion != lease.Metadata.ResourceVersion) return null;
        var leaseGoes = Delete(lease);
        return state.Find(ResourceKinds.Workload, ns, name) switch
        {
            null => new StoreTransaction(leaseGoes),
            var workload when IsOfRun(workload) => new StoreTransaction(Delete(workload), leaseGoes),
            _ => null,
        };
    }

    private static StoreWrite Delete(ResourceObject o) => StoreWrite.Delete(StoredObjects.KeyOf(o), ObjectService.ParseRevision(o.Metadata.ResourceVersion));

    private static bool IsOfRun(ResourceObject o) => o.Metadata.Labels.GetValueOrDefault(WeftLabels.ManagedBy) == WeftLabels.WeftRun && !ObjectRules.HasFinalizers(o.Json);

    private static partial class Log
    {
        [LoggerMessage(4120, LogLevel.Information, "workload {Namespace}/{Name} is removed: its lease ended long ago, so its `weft run` was killed")]
        public static partial void Removed(ILogger log, string @namespace, string name);
    }
}
