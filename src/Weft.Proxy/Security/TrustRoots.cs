namespace Weft.Proxy.Security;

/// <summary>The roots of one trust domain.</summary>
/// <param name="TrustDomain">"weft.local"; null for roots that vouch for whoever has no entry of its own, with or without a SPIFFE ID
/// (a hand-written configuration, a server outside the mesh).</param>
/// <param name="RootsPem">One or more certificates. Each is an anchor, whether it signed itself or not.</param>
internal sealed record TrustDomainRoots(string? TrustDomain, ReadOnlyMemory<byte> RootsPem);

/// <summary>
/// Whom to believe: for each trust domain its own roots, and nobody else's (SPIFFE X.509-SVID, section 5.1: a bundle verifies only its own trust domain).
/// Immutable; shared by all contexts made of it.
/// </summary>
internal sealed class TrustRoots
{
    private readonly Dictionary<string, X509Stack> _byDomain = [];
    private readonly X509Stack? _anyDomain;

    /// <exception cref="TlsException">An entry holds no certificate or a broken one, or a trust domain appears twice.</exception>
    public TrustRoots(IEnumerable<TrustDomainRoots> entries)
    {
        foreach (var (domain, pem) in entries)
        {
            var roots = X509Stack.Parse(pem.Span, domain is null ? "trusted roots" : $"roots of trust domain {domain}");
            if (domain is null ? _anyDomain is not null : !_byDomain.TryAdd(domain, roots))
                throw new TlsException($"trust domain {domain ?? "(any)"} appears twice");
            if (domain is null) _anyDomain = roots;
        }
    }

    public TrustRoots(string? trustDomain, ReadOnlyMemory<byte> rootsPem) : this([new TrustDomainRoots(trustDomain, rootsPem)]) { }

    public IReadOnlyCollection<string> TrustDomains => _byDomain.Keys;

    /// <summary>The roots that may vouch for a peer of <paramref name="trustDomain"/> (null: it has no SPIFFE ID); null when none may.</summary>
    internal X509Stack? For(string? trustDomain) =>
        trustDomain is not null && _byDomain.TryGetValue(trustDomain, out var own) ? own : _anyDomain;
}
