using System.Net;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Listening;

/// <summary>A machine without IPv6: the kernel was started with <c>ipv6.disable=1</c> and makes no such socket, or <c>net.ipv6.conf.*.disable_ipv6</c> has taken every address, ::1 too.</summary>
internal static class AbsentFamily
{
    /// <summary>True when <paramref name="address"/> could not be bound because there is no IPv6. It is true of addresses alone that every machine with IPv6 has; another may be a mistake.</summary>
    /// <param name="errno">Of the call that failed; 0 for another reason.</param>
    public static bool Explains(IPEndPoint address, int errno) =>
        (address.Address.Equals(IPAddress.IPv6Any) || address.Address.Equals(IPAddress.IPv6Loopback)) && errno is (Errno.AddressFamilyNotSupported or Errno.AddressNotAvailable);
}
