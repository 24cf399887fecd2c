namespace Weft.Routing.Listeners;

/// <summary>Chooses a filter chain by narrowing in Envoy's order, without going back to a chain that an earlier step dropped.</summary>
internal static class FilterChainSelection
{
    public static FilterChain? Select(
        ReadOnlySpan<FilterChain> chains, string transportProtocol, string serverName, ReadOnlySpan<string> applicationProtocols)
    {
        var bestName = -1;
        foreach (var chain in chains)
            bestName = Math.Max(bestName, NameRank(chain.Match, serverName));
        if (bestName < 0) return null;

        var bestTransport = -1;
        foreach (var chain in chains)
        {
            if (NameRank(chain.Match, serverName) == bestName)
                bestTransport = Math.Max(bestTransport, TransportRank(chain.Match, transportProtocol));
        }
        if (bestTransport < 0) return null;

        FilterChain? selected = null;
        var bestProtocol = -1;
        foreach (var chain in chains)
        {
            if (NameRank(chain.Match, serverName) != bestName || TransportRank(chain.Match, transportProtocol) != bestTransport) continue;
            var rank = ProtocolRank(chain.Match, applicationProtocols);
            if (rank > bestProtocol) (bestProtocol, selected) = (rank, chain);
        }
        return selected;
    }

    /// <summary>Exact above the longest suffix above no condition (0); -1 when the chain wants another name.</summary>
    private static int NameRank(FilterChainMatch match, string serverName)
    {
        if (match.ServerNames.IsEmpty) return 0;
        var best = -1;
        foreach (var name in match.ServerNames)
        {
            if (name == serverName) return int.MaxValue;
            // "*.example" covers "a.example" and "a.b.example", not "example" itself.
            if (name.StartsWith("*.", StringComparison.Ordinal) && serverName.AsSpan().EndsWith(name.AsSpan(1)) && serverName.Length >= name.Length)
                best = Math.Max(best, name.Length);
        }
        return best;
    }

    private static int TransportRank(FilterChainMatch match, string transportProtocol) =>
        match.TransportProtocol.Length == 0 ? 0 : match.TransportProtocol == transportProtocol ? 1 : -1;

    /// <summary>The client's earlier offer ranks higher.</summary>
    private static int ProtocolRank(FilterChainMatch match, ReadOnlySpan<string> offered)
    {
        if (match.ApplicationProtocols.IsEmpty) return 0;
        for (var i = 0; i < offered.Length; i++)
        {
            if (match.ApplicationProtocols.Contains(offered[i])) return int.MaxValue - i;
        }
        return -1;
    }
}
