using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace Weft.Identity;

/// <summary>The bundles that a verifier holds, one per trust domain. Immutable: a change makes a new set.</summary>
/// <remarks>The lookup is by the trust domain that the peer's certificate claims, and the chain must end in that bundle. The tempting
/// union of all roots would let one federated domain mint identities of another.</remarks>
public sealed class TrustBundleSet
{
    private readonly FrozenDictionary<TrustDomain, TrustBundle> _bundles;

    /// <summary>Creates a set. Of two bundles of one domain the last counts.</summary>
    public TrustBundleSet(params IEnumerable<TrustBundle> bundles)
    {
        var byDomain = new Dictionary<TrustDomain, TrustBundle>();
        foreach (var bundle in bundles) byDomain[bundle.TrustDomain] = bundle;
        _bundles = byDomain.ToFrozenDictionary();
    }

    /// <summary>Every bundle, in no particular order.</summary>
    public IEnumerable<TrustBundle> Bundles => _bundles.Values;

    /// <summary>The bundle of one domain.</summary>
    public bool TryGet(TrustDomain trustDomain, [NotNullWhen(true)] out TrustBundle? bundle) => _bundles.TryGetValue(trustDomain, out bundle);

    /// <summary>A set in which <paramref name="bundle"/> takes the place of its domain's former one.</summary>
    public TrustBundleSet With(TrustBundle bundle) => new([.. _bundles.Values, bundle]);

    /// <summary>A set without a domain.</summary>
    public TrustBundleSet Without(TrustDomain trustDomain) => new(_bundles.Values.Where(bundle => !bundle.TrustDomain.Equals(trustDomain)));
}
