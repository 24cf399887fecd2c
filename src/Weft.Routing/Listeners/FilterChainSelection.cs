using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Listeners;

/// <summary>
/// Chooses a filter chain by narrowing in Envoy's order: at each step only the chains with the most specific match stay, and a later step never brings back one that an
/// earlier dropped, even when nothing is left in the end. Pure; allocates nothing for up to 128 chains.
/// </summary>
/// <remarks>The order is that of envoy.config.listener.v3.FilterChainMatch: destination port, destination address, server name, transport protocol, application protocols, address of
/// the socket's peer, kind of source, source address, source port. The tempting wrong move is to count how many parts of a chain match: a chain for one port and nothing else
/// would then lose against one that names an ALPN protocol on every port.</remarks>
internal static class FilterChainSelection
{
    private const int OnStack = 128;
    private const int Steps = 9;

    /// <returns>Null when nothing matches.</returns>
    public static FilterChain? Select(ReadOnlySpan<FilterChain> chains, in ConnectionFacts facts)
    {
        Span<bool> dropped = chains.Length <= OnStack ? stackalloc bool[OnStack] : new bool[chains.Length];
        for (var step = 0; step < Steps; step++)
        {
            var best = -1;
            for (var i = 0; i < chains.Length; i++)
            {
                if (!dropped[i]) best = Math.Max(best, Rank(step, chains[i].Match, facts));
            }
            if (best < 0) return null;
            for (var i = 0; i < chains.Length; i++) dropped[i] = dropped[i] || Rank(step, chains[i].Match, facts) < best;
        }
        return chains[dropped.IndexOf(false)];
    }

    /// <summary>How specifically one part of a match fits: 0 where it says nothing, more the closer it fits, -1 where it wants something else.</summary>
    private static int Rank(int step, FilterChainMatch match, in ConnectionFacts facts) => step switch
    {
        0 => match.DestinationPort == 0 ? 0 : match.DestinationPort == facts.Destination.Port ? 1 : -1,
        1 => PrefixRank(match.Destinations, facts.Destination.Address),
        2 => NameRank(match, facts.ServerName),
        3 => match.TransportProtocol.Length == 0 ? 0 : match.TransportProtocol == facts.TransportProtocol ? 1 : -1,
        4 => ProtocolRank(match, facts.ApplicationProtocols),
        5 => PrefixRank(match.DirectSources, facts.DirectSource),
        6 => match.SourceType == ConnectionSourceType.Any ? 0 : match.SourceType == (facts.IsLocal ? ConnectionSourceType.SameIpOrLoopback : ConnectionSourceType.External) ? 1 : -1,
        7 => PrefixRank(match.Sources, facts.Source.Address),
        _ => match.SourcePorts.IsEmpty ? 0 : match.SourcePorts.Contains((ushort)facts.Source.Port) ? 1 : -1,
    };

    /// <summary>The longest prefix that holds the address. One of length 0 holds every address of its family and is no more specific than none.</summary>
    private static int PrefixRank(ImmutableArray<IPNetwork> prefixes, IPAddress address)
    {
        if (prefixes.IsEmpty) return 0;
        var best = -1;
        foreach (var prefix in prefixes)
        {
            if (prefix.PrefixLength > best && prefix.Contains(address)) best = prefix.PrefixLength;
        }
        return best;
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
