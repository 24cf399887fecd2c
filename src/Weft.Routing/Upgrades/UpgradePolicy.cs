using System.Collections.Immutable;
using System.Text;

namespace Weft.Routing.Upgrades;

/// <summary>
/// To which protocols a request may switch its connection (<c>upgrade_configs</c> of the HTTP connection manager and of a route). Immutable.
/// </summary>
/// <remarks>Envoy's rule: what the route says of a protocol holds, else what the manager says, else no. Weft adds the type <c>*</c>, which stands
/// for every protocol that is not named beside it; to Envoy it is one more name, which no request uses.</remarks>
public sealed class UpgradePolicy
{
    /// <summary>The upgrade type that stands for all others.</summary>
    public const string AnyProtocol = "*";

    private readonly ImmutableArray<(byte[] Protocol, bool Enabled)> _named;
    private readonly bool? _others;

    /// <param name="types">Names as requests write them in <c>Upgrade</c>, compared without case.</param>
    public UpgradePolicy(IEnumerable<(string Type, bool Enabled)> types)
    {
        var named = ImmutableArray.CreateBuilder<(byte[], bool)>();
        foreach (var (type, enabled) in types)
        {
            if (type == AnyProtocol) _others = enabled;
            else named.Add((Encoding.ASCII.GetBytes(type), enabled));
        }
        _named = named.ToImmutable();
    }

    /// <summary>Says nothing of any protocol.</summary>
    public static UpgradePolicy Silent { get; } = new([]);

    /// <param name="protocol">One protocol of <c>Upgrade</c>: <c>websocket</c>, <c>SPDY/3.1</c>.</param>
    /// <param name="route">What the request's route says.</param>
    /// <param name="manager">What the listener's connection manager says.</param>
    public static bool Allows(ReadOnlySpan<byte> protocol, UpgradePolicy route, UpgradePolicy manager) =>
        !CarriesRequests(protocol) && (route.Says(protocol) ?? manager.Says(protocol) ?? false);

    /// <summary>
    /// HTTP itself under another name (<c>h2c</c>, <c>HTTP/2.0</c>), and TLS around it (RFC 2817): what follows the switch would be requests, and they would
    /// pass every route and access rule unread. Never allowed, whatever the configuration says.
    /// </summary>
    public static bool CarriesRequests(ReadOnlySpan<byte> protocol)
    {
        var slash = protocol.IndexOf((byte)'/');
        var name = slash < 0 ? protocol : protocol[..slash];
        return Ascii.EqualsIgnoreCase(name, "h2c"u8) || Ascii.EqualsIgnoreCase(name, "h2"u8) || Ascii.EqualsIgnoreCase(name, "http"u8) || Ascii.EqualsIgnoreCase(name, "tls"u8);
    }

    private bool? Says(ReadOnlySpan<byte> protocol)
    {
        foreach (var (named, enabled) in _named)
        {
            if (Ascii.EqualsIgnoreCase(named, protocol)) return enabled;
        }
        return _others;
    }
}
