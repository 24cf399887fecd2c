using Weft.Routing.Clusters;

namespace Weft.Routing.Balancing;

/// <summary>
/// Chooses an endpoint. Pure but for the round-robin cursor and the counters it reads: the same inputs give the same answer, and nothing is
/// reserved; the caller counts the request in with <see cref="EndpointState.BeginRequest"/>.
/// </summary>
public static class Balancer
{
    /// <summary>
    /// Picks among the most wanted priority that is healthy enough. Endpoints in <paramref name="tried"/> are taken only when nothing else
    /// is left, so that a retry goes elsewhere when it can.
    /// </summary>
    /// <returns>Null when the set has no endpoint that may be used: the request fails as no-endpoint.</returns>
    public static Endpoint? Pick(Cluster cluster, EndpointSet endpoints, ClusterState state, ref Chance chance, in TriedEndpoints tried)
    {
        var group = Choose(endpoints, cluster.PanicThresholdPercent);
        if (group is null) return null;
        if (group.Count == 1) return group.AtSlot(0);
        return cluster.LoadBalancing.Policy switch
        {
            LoadBalancingPolicy.LeastRequest => LeastRequest(group, cluster.LoadBalancing.ChoiceCount, ref chance, tried),
            LoadBalancingPolicy.Random => Random(group, ref chance, tried),
            _ => RoundRobin(group, state, tried),
        };
    }

    /// <summary>
    /// The first priority with at least <paramref name="panicPercent"/> of its endpoints usable; when none reaches that, panic: every endpoint of
    /// the first priority, healthy or not, because sending all load to a few survivors would end them too.
    /// </summary>
    /// <remarks>With one priority this is Envoy's rule. With several, Envoy spills over gradually; here a priority below the threshold yields whole.</remarks>
    private static EndpointGroup? Choose(EndpointSet endpoints, int panicPercent)
    {
        foreach (var priority in endpoints.Priorities)
        {
            if (priority.Usable.Count > 0 && priority.Usable.Count * 100L >= (long)panicPercent * priority.All.Count) return priority.Usable;
        }
        return panicPercent > 0 && endpoints.Priorities.Length > 0 ? endpoints.Priorities[0].All : null;
    }

    private static Endpoint RoundRobin(EndpointGroup group, ClusterState state, in TriedEndpoints tried)
    {
        var slots = (uint)group.Slots;
        var turn = state.NextTurn() % slots;
        if (tried.Count == 0) return group.AtSlot((int)turn);
        for (var i = 0u; i < slots; i++)
        {
            var endpoint = group.AtSlot((int)((turn + i) % slots));
            if (!tried.Contains(endpoint.State)) return endpoint;
        }
        return group.AtSlot((int)turn);
    }

    /// <summary>Endpoints are drawn by weight and compared by requests in flight per weight: idle, load follows the weights; busy, the requests
    /// in flight do. (Comparing (active + 1) / weight would give an idle pair's heavier endpoint everything.)</summary>
    private static Endpoint LeastRequest(EndpointGroup group, int choices, ref Chance chance, in TriedEndpoints tried)
    {
        var best = Random(group, ref chance, tried);
        for (var i = 1; i < choices; i++)
        {
            var other = Random(group, ref chance, tried);
            // The second of two equal draws is no choice at all; take its neighbour instead.
            if (ReferenceEquals(other, best) && group.Count == 2) other = ReferenceEquals(group.Endpoints[0], best) ? group.Endpoints[1] : group.Endpoints[0];
            if (tried.Count > 0 && tried.Contains(other.State)) continue;
            if ((long)other.State.ActiveRequests * best.Weight < (long)best.State.ActiveRequests * other.Weight) best = other;
        }
        return best;
    }

    private static Endpoint Random(EndpointGroup group, ref Chance chance, in TriedEndpoints tried)
    {
        var slots = (uint)group.Slots;
        var slot = chance.Below(slots);
        if (tried.Count == 0) return group.AtSlot((int)slot);
        for (var i = 0u; i < slots; i++)
        {
            var endpoint = group.AtSlot((int)((slot + i) % slots));
            if (!tried.Contains(endpoint.State)) return endpoint;
        }
        return group.AtSlot((int)slot);
    }
}
