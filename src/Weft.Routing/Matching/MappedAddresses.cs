using System.Net;

namespace Weft.Routing.Matching;

/// <summary>
/// IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2): an IPv4 peer of a dual-stack socket, and a way to write IPv4 where IPv6 is expected. Everywhere in Weft they are IPv4, addresses where they
/// are read and ranges where they are compiled; else a rule for 10.0.0.0/8 could be walked around as ::ffff:10.0.0.1.
/// </summary>
public static class MappedAddresses
{
    private const int MappedPrefix = 96;

    /// <summary>The IPv4 address that <paramref name="address"/> stands for, or itself.</summary>
    public static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>The IPv4 range that <paramref name="range"/> stands for, or itself. A wider one, as ::/0, is one of IPv6 addresses.</summary>
    public static IPNetwork Unmap(IPNetwork range) =>
        range.PrefixLength >= MappedPrefix && range.BaseAddress.IsIPv4MappedToIPv6 ? new IPNetwork(range.BaseAddress.MapToIPv4(), range.PrefixLength - MappedPrefix) : range;
}
