using System.Collections.Frozen;

namespace Weft.Proxy.Security;

/// <summary>Which verified peers are the right ones. Checked after every handshake, resumed or not. Without ids and trust domains everybody verified is.</summary>
internal sealed record PeerExpectation
{
    public static readonly PeerExpectation AnyVerified = new();

    /// <summary>Exact SPIFFE IDs.</summary>
    public FrozenSet<string> SpiffeIds { get; init; } = [];

    /// <summary>Trust domains of which every member is right.</summary>
    public FrozenSet<string> TrustDomains { get; init; } = [];

    public static PeerExpectation Id(params IEnumerable<string> spiffeIds) => new() { SpiffeIds = spiffeIds.ToFrozenSet() };

    public static PeerExpectation Domain(params IEnumerable<string> trustDomains) => new() { TrustDomains = trustDomains.ToFrozenSet() };

    /// <summary>Null when the peer is right, else one sentence.</summary>
    public string? Refuse(string? spiffeId, string? trustDomain)
    {
        if (SpiffeIds.Count == 0 && TrustDomains.Count == 0) return null;
        if (spiffeId is not null && SpiffeIds.Contains(spiffeId)) return null;
        if (trustDomain is not null && TrustDomains.Contains(trustDomain)) return null;
        return $"peer is {spiffeId ?? "without a SPIFFE ID"} but {Wanted()} was expected";
    }

    private string Wanted()
    {
        var all = SpiffeIds.Concat(TrustDomains.Select(d => $"a member of {d}")).Order().ToList();
        return all.Count <= 3 ? string.Join(" or ", all) : $"{all[0]} or one of {all.Count - 1} others";
    }
}
