namespace Weft.Routing.Retries;

/// <summary>How much load retries may add to a cluster (weft.v1.RetryBudget). Immutable.</summary>
/// <param name="Percent">Share of the requests of the last <paramref name="Interval"/>, 0 to 100. Default 20.</param>
/// <param name="Interval">1 s to 1 h. Default 10 s.</param>
/// <param name="MinPerSecond">Retries in each second that are allowed whatever the share is, 0 to 1,000,000. Default 10: a service that is seldom called
/// could otherwise never be asked again.</param>
public sealed record RetryBudgetLimits(int Percent, TimeSpan Interval, int MinPerSecond)
{
    public static RetryBudgetLimits Default { get; } = new(20, TimeSpan.FromSeconds(10), 10);

    /// <summary>A clause for people.</summary>
    public override string ToString() => $"{Percent} % of the requests of {Interval.TotalSeconds:0.#} s, at least {MinPerSecond} per second";
}

/// <summary>
/// What one cluster has spent of its <see cref="RetryBudgetLimits"/>: process-wide, changed with Interlocked by every worker. The last interval is counted in
/// <see cref="Slots"/> slots, so it slides by a tenth of itself.
/// </summary>
/// <remarks>A limit on retries in flight (Envoy's max_retries and retry_budget) does not do this: a service that fails fast has few in flight and gets three times its
/// load. Time is what load is measured in.</remarks>
public sealed class RetryBudget
{
    private const int Slots = 10;

    // Each slot: which turn of the clock it counts (high half) and how many (low half), so that a stale slot is told from a fresh one in one read.
    private readonly long[] _requests = new long[Slots];
    private readonly long[] _retries = new long[Slots];
    private long _second;
    private long _refused;

    /// <summary>How often <see cref="TryTake"/> said no.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>A request (not a retry) was made at <paramref name="nowMs"/>, on a clock that never goes back.</summary>
    public void CountRequest(RetryBudgetLimits limits, long nowMs) => Add(_requests, Turn(limits, nowMs), 1);

    /// <summary>Takes one retry out of the budget. False: it is spent, and the failure at hand must stand.</summary>
    public bool TryTake(RetryBudgetLimits limits, long nowMs)
    {
        var turn = Turn(limits, nowMs);
        // Add, look, take back, as CircuitCell does: under contention it may refuse one that would just have fitted, it never admits one too many.
        Add(_retries, turn, 1);
        if (Add(ref _second, (uint)(nowMs / 1000), 1) <= limits.MinPerSecond) return true;
        if (Sum(_retries, turn) * 100L <= Sum(_requests, turn) * limits.Percent) return true;
        Add(_retries, turn, -1);
        Interlocked.Increment(ref _refused);
        return false;
    }

    private static uint Turn(RetryBudgetLimits limits, long nowMs) => (uint)(nowMs / ((long)limits.Interval.TotalMilliseconds / Slots));

    private static void Add(long[] slots, uint turn, int delta) => Add(ref slots[turn % Slots], turn, delta);

    /// <summary>Adds to a slot, which starts over when it counted another turn; the count afterwards.</summary>
    private static int Add(ref long slot, uint turn, int delta)
    {
        while (true)
        {
            var before = Interlocked.Read(ref slot);
            var count = (uint)(before >> 32) == turn ? (int)before + delta : Math.Max(delta, 0);
            var after = ((long)turn << 32) | (uint)count;
            if (Interlocked.CompareExchange(ref slot, after, before) == before) return count;
        }
    }

    private static long Sum(long[] slots, uint turn)
    {
        var sum = 0L;
        foreach (ref var slot in slots.AsSpan())
        {
            var value = Interlocked.Read(ref slot);
            if (turn - (uint)(value >> 32) < Slots) sum += (int)value;
        }
        return sum;
    }
}
