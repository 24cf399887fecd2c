using System.Collections.Immutable;
using Weft.Control.Api;
using Weft.Control.Store;
using Weft.Resources;

namespace Weft.Control.Serving;

/// <summary>
/// Which Leases have expired. A Lease lives for its duration after this control plane last saw it renewed: counting from the renewal time in it
/// would trust the clock of every machine. Only time in which renewals could have arrived counts: not the time before the start, not the time
/// that the process was stopped or the machine slept, not the time in which the store could not write. A control plane that was away must not
/// find the whole mesh dead. Not thread-safe: the reconciler owns it.
/// </summary>
/// <param name="maxStep">Longest time that may pass between two looks and still count; more means that the process did not run.</param>
internal sealed class LeaseTracker(TimeProvider time, TimeSpan maxStep)
{
    private readonly Dictionary<ResourceKey, Renewal> _renewals = [];
    private List<(Lease Lease, TimeSpan At)> _ended = [];
    private TimeSpan _awake;
    private long _last = time.GetTimestamp();

    private sealed record Renewal(DateTimeOffset? RenewTime, string Holder, TimeSpan SeenAt);

    /// <summary>Keys of Leases that are over; the same instance while nothing changes.</summary>
    public ImmutableHashSet<ResourceKey> Expired { get; private set; } = [];

    /// <summary>The Leases, as last seen, that have been over for at least <paramref name="time"/>, counted as their duration is.</summary>
    public IReadOnlyList<Lease> EndedFor(TimeSpan time) => [.. _ended.Where(e => _awake - e.At >= time).Select(e => e.Lease)];

    /// <summary>Looks at the Leases; true when <see cref="Expired"/> is another set than before.</summary>
    /// <param name="canRenew">False while the store refuses writes: the time since the last look does not count.</param>
    public bool Update(StoreState state, bool canRenew)
    {
        var now = time.GetTimestamp();
        var passed = time.GetElapsedTime(_last, now);
        _last = now;
        if (canRenew) _awake += passed < maxStep ? passed : maxStep;

        var ended = new List<(Lease Lease, TimeSpan At)>();
        var expired = ImmutableHashSet.CreateBuilder<ResourceKey>();
        var seen = new HashSet<ResourceKey>();
        foreach (var lease in state.List(ResourceKinds.Lease).Cast<Lease>())
        {
            seen.Add(lease.Key);
            if (!_renewals.TryGetValue(lease.Key, out var known) || known.RenewTime != lease.RenewTime || known.Holder != lease.HolderIdentity)
                _renewals[lease.Key] = known = new Renewal(lease.RenewTime, lease.HolderIdentity, _awake);
            if (known.SeenAt + lease.Duration is not { } end || _awake < end) continue;
            expired.Add(lease.Key);
            ended.Add((lease, end));
        }
        _ended = ended;
        foreach (var gone in _renewals.Keys.Where(k => !seen.Contains(k)).ToList()) _renewals.Remove(gone);
        if (expired.Count == Expired.Count && Expired.SetEquals(expired)) return false;
        Expired = expired.ToImmutable();
        return true;
    }
}
