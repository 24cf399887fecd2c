using Weft.Control.Serving;

namespace Weft.Control.Insights;

public enum RolloutState { Acked, Pending, Refused }

/// <summary>Where one proxy stands towards one revision.</summary>
public sealed record ProxyRollout(ProxyStatus Proxy, RolloutState State);

/// <param name="Revision">The revision asked about.</param>
/// <param name="Complete">Every connected proxy has answered, with acknowledgement or refusal.</param>
public sealed record RolloutReport(long Revision, bool Complete, IReadOnlyList<ProxyRollout> Proxies);

/// <summary>How far a revision of the store has come. Connected proxies count; one that is away takes the newest when it returns.</summary>
public sealed class Rollout(Latest<PublishedMesh> mesh, ProxyRegistry proxies, TimeProvider time)
{
    /// <summary>The report, as soon as every proxy has answered or <paramref name="timeout"/> is over.</summary>
    public async Task<RolloutReport> WaitAsync(long revision, TimeSpan timeout, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        while (true)
        {
            // The waits are taken before the look: a change between the two is not missed.
            var seenMesh = mesh.Value;
            var seenProxies = proxies.Proxies.Value;
            var report = Look(revision, seenMesh, seenProxies.Values);
            if (report.Complete) return report;
            try
            {
                await Task.WhenAny(mesh.WhenNot(seenMesh), proxies.Proxies.WhenNot(seenProxies)).WaitAsync(over.Token);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return Look(revision, mesh.Value, proxies.Proxies.Value.Values);
            }
        }
    }

    internal static RolloutReport Look(long revision, PublishedMesh mesh, IEnumerable<ProxyStatus> proxies)
    {
        var covered = mesh.Covered >= revision;
        var rows = proxies.Where(p => p.Connected).Select(p => new ProxyRollout(p, !covered ? RolloutState.Pending : StateOf(p, mesh.Model.Revision))).ToList();
        return new RolloutReport(revision, covered && rows.TrueForAll(r => r.State != RolloutState.Pending), rows);
    }

    private static RolloutState StateOf(ProxyStatus proxy, long target) => proxy switch
    {
        { Refusals.IsEmpty: false } => RolloutState.Refused,
        { SyncedRevision: { } synced } when synced >= target => RolloutState.Acked,
        _ => RolloutState.Pending,
    };
}
