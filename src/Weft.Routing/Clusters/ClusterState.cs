using Weft.Routing.Retries;

namespace Weft.Routing.Clusters;

/// <summary>
/// What one cluster accumulates while its configuration comes and goes: process-wide, changed with Interlocked by every worker.
/// Limits are configuration and are passed in; counts live here.
/// </summary>
public sealed class ClusterState(string name)
{
    private int _cursor;

    public string Name { get; } = name;

    /// <summary>Upstream connections, those being opened included.</summary>
    public CircuitCell Connections { get; } = new();

    /// <summary>Requests waiting for a connection.</summary>
    public CircuitCell PendingRequests { get; } = new();

    /// <summary>Requests on their way, waiting or not.</summary>
    public CircuitCell Requests { get; } = new();

    /// <summary>Second and later attempts on their way; counted where the cluster has no <see cref="Cluster.RetryBudget"/>.</summary>
    public CircuitCell Retries { get; } = new();

    /// <summary>Retries over time; counts where the cluster has a <see cref="Cluster.RetryBudget"/>.</summary>
    public RetryBudget RetryBudget { get; } = new();

    /// <summary>Nothing of this cluster is in flight.</summary>
    public bool Idle => Connections.Active == 0 && PendingRequests.Active == 0 && Requests.Active == 0 && Retries.Active == 0;

    /// <summary>The next turn of round robin: each caller gets another one, wrapping after 2^32.</summary>
    public uint NextTurn() => (uint)Interlocked.Increment(ref _cursor);
}

/// <summary>One counted limit: a circuit breaker of a cluster.</summary>
public sealed class CircuitCell
{
    private int _active;
    private long _refused;

    public int Active => Volatile.Read(ref _active);

    /// <summary>How often <see cref="TryAcquire"/> said no.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Takes one place of <paramref name="limit"/>. False when the limit is reached: the circuit is open.</summary>
    public bool TryAcquire(int limit)
    {
        // Add, look, take back: under contention it may refuse one that would just have fitted, it never admits one too many.
        if (Interlocked.Increment(ref _active) <= limit) return true;
        Interlocked.Decrement(ref _active);
        Interlocked.Increment(ref _refused);
        return false;
    }

    public void Release() => Interlocked.Decrement(ref _active);
}
