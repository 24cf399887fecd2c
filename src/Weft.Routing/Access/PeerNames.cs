using System.Collections.Immutable;
using System.Text;
using Weft.Routing.Matching;

namespace Weft.Routing.Access;

/// <summary>The names in a client's verified certificate: its URI names (the SPIFFE ID is one), then its DNS names, then its subject. Immutable.</summary>
public sealed class PeerNames
{
    private readonly ImmutableArray<byte[]> _names;

    /// <param name="uris">URI subject alternative names.</param>
    /// <param name="dnsNames">DNS subject alternative names.</param>
    /// <param name="subject">The distinguished name as RFC 2253 writes it; may be empty.</param>
    public PeerNames(IEnumerable<string> uris, IEnumerable<string> dnsNames, string subject) =>
        _names = [.. uris.Concat(dnsNames).Append(subject).Select(Encoding.UTF8.GetBytes)];

    /// <summary>The one to call the client by: its first URI, DNS name or its subject.</summary>
    public string First => Encoding.UTF8.GetString(_names[0]);

    /// <summary>True when one of the names matches. Each is tried, the subject too where there are others: so does Envoy, whose documentation can be read as if the first kind hid
    /// the rest.</summary>
    public bool AnyMatches(StringMatcher matcher)
    {
        foreach (var name in _names)
        {
            if (matcher.Matches(name)) return true;
        }
        return false;
    }
}
