using System.Collections.Immutable;
using System.Text;
using Weft.Routing.Matching;

namespace Weft.Routing.Tcp;

/// <summary>Where the connections of one port go: by the server name that their TLS asks for, where some route wants to know it. Immutable; has one route at least.</summary>
/// <param name="named">In order of precedence: the first that takes a name has the connection.</param>
/// <param name="any">For every other connection, without TLS or with a name that nobody else takes; null: they go nowhere.</param>
public sealed class ByteRoutes(ImmutableArray<NamedByteRoute> named, ByteRoute? any)
{
    /// <summary>RFC 1035 section 2.3.4. A longer name is nobody's.</summary>
    private const int MaxNameLength = 255;

    /// <summary>For connections that no name decides about.</summary>
    public ByteRoute? Any => any;

    /// <summary>A ClientHello must be seen before it is known where a connection goes.</summary>
    public bool NeedsServerName => !named.IsEmpty;

    /// <summary>Every route, those by name first.</summary>
    public IEnumerable<ByteRoute> All => named.Select(n => n.Route).Concat(any is null ? [] : [any]);

    /// <summary>Null: the connection goes nowhere. Allocates nothing.</summary>
    /// <param name="serverName">SNI in lower case; empty without one, which no route by name takes.</param>
    public ByteRoute? Find(string serverName)
    {
        if (serverName.Length is 0 or > MaxNameLength) return any;
        Span<byte> name = stackalloc byte[serverName.Length];
        if (!Encoding.ASCII.TryGetBytes(serverName, name, out _)) return any;
        foreach (var candidate in named)
        {
            if (candidate.ServerName.Matches(name)) return candidate.Route;
        }
        return any;
    }
}

/// <summary>A route for those connections whose server name it takes.</summary>
public sealed record NamedByteRoute(StringMatcher ServerName, ByteRoute Route);
