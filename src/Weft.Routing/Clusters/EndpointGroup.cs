namespace Weft.Routing.Clusters;

/// <summary>
/// Endpoints among which load is shared by weight. Weights are unrolled into a schedule once, so that a weighted choice, in turn or by chance,
/// is one array read without a lock: slot by slot it is smooth (an endpoint of weight 3 does not get three requests in a row).
/// </summary>
public sealed class EndpointGroup
{
    /// <summary>Slots per endpoint, on average, at which larger weights are scaled down; the error is then below 1/8 of the mean weight
    /// for the lightest endpoint and far less for the others. Every endpoint keeps at least one slot.</summary>
    private const int SlotsPerEndpoint = 64;

    private readonly Endpoint[] _endpoints;
    private readonly int[]? _schedule; // null when all weights are equal

    internal EndpointGroup(Endpoint[] endpoints)
    {
        _endpoints = endpoints;
        if (endpoints.Length > 1 && endpoints.Any(e => e.Weight != endpoints[0].Weight)) _schedule = Schedule(endpoints);
    }

    public int Count => _endpoints.Length;

    public ReadOnlySpan<Endpoint> Endpoints => _endpoints;

    /// <summary>False when every endpoint weighs the same.</summary>
    public bool Weighted => _schedule is not null;

    /// <summary>Length of one round: after so many consecutive slots every endpoint has had its share.</summary>
    public int Slots => _schedule?.Length ?? _endpoints.Length;

    /// <summary>The endpoint of a slot, 0 to <see cref="Slots"/> - 1.</summary>
    public Endpoint AtSlot(int slot) => _endpoints[_schedule is null ? slot : _schedule[slot]];

    private static int[] Schedule(Endpoint[] endpoints)
    {
        var counts = Counts(endpoints);
        var slots = new (double When, int Index)[counts.Sum()];
        var next = 0;
        for (var i = 0; i < endpoints.Length; i++)
        {
            // An endpoint with c slots is due at (k + 1/2) / c of the round: earliest deadline first, as Envoy's scheduler.
            for (var k = 0; k < counts[i]; k++) slots[next++] = ((k + 0.5) / counts[i], i);
        }
        Array.Sort(slots);
        return [.. slots.Select(s => s.Index)];
    }

    private static int[] Counts(Endpoint[] endpoints)
    {
        var divisor = endpoints.Aggregate(0UL, (a, e) => Gcd(a, e.Weight));
        var total = endpoints.Aggregate(0UL, (a, e) => a + (e.Weight / divisor));
        var limit = (ulong)endpoints.Length * SlotsPerEndpoint;
        return total <= limit
            ? [.. endpoints.Select(e => (int)(e.Weight / divisor))]
            : [.. endpoints.Select(e => Math.Max(1, (int)Math.Round((double)(e.Weight / divisor) * limit / total)))];
    }

    private static ulong Gcd(ulong a, ulong b)
    {
        while (b != 0) (a, b) = (b, a % b);
        return a;
    }
}
