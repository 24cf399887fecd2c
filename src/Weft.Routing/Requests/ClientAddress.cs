using System.Net;

namespace Weft.Routing.Requests;

/// <summary>
/// Whose request it is when proxies stand in front: the address that Envoy calls the trusted client address, out of <c>x-forwarded-for</c>, the address of the
/// connection's peer and what the listener's settings say of both. Pure.
/// </summary>
/// <remarks>Addresses are counted from the right, because each proxy appends the address that it saw itself; everything to the left of what trusted proxies wrote is
/// the client's own invention. Several fields count as one list (RFC 9110 section 5.2).</remarks>
public static class ClientAddress
{
    /// <summary>
    /// Edge (<paramref name="useRemoteAddress"/>): without trusted proxies the peer is the client; with N of them the client is the Nth address from the right, before this
    /// proxy appends its own. Elsewhere the peer is a proxy too: the client is address N + 1 from the right.
    /// </summary>
    /// <param name="head">The request as it came.</param>
    /// <param name="useRemoteAddress">HttpConnectionManager.use_remote_address.</param>
    /// <param name="trustedHops">HttpConnectionManager.xff_num_trusted_hops, 0 or more.</param>
    /// <param name="address">The address as its proxy wrote it; a view of <paramref name="head"/>.</param>
    /// <returns>False: it is the peer's own address, also when the list is too short or what stands there is no address.</returns>
    public static bool TryFind(in RequestHead head, bool useRemoteAddress, int trustedHops, out ReadOnlySpan<byte> address)
    {
        var position = useRemoteAddress ? trustedHops : trustedHops + 1;
        address = default;
        return position > 0 && TryFromRight(head, position, out address) && IPAddress.IsValidUtf8(address);
    }

    private static bool TryFromRight(in RequestHead head, int position, out ReadOnlySpan<byte> address)
    {
        address = default;
        for (var i = head.Fields.Length - 1; i >= 0; i--)
        {
            ref readonly var field = ref head.Fields[i];
            if (field.Known != KnownHeader.XForwardedFor) continue;
            var list = head.Value(field);
            while (true)
            {
                var comma = list.LastIndexOf((byte)',');
                if (--position == 0)
                {
                    address = list[(comma + 1)..].Trim(" \t"u8);
                    return true;
                }
                if (comma < 0) break;
                list = list[..comma];
            }
        }
        return false;
    }
}
