using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Weft.Routing.Matching;

namespace Weft.Cli.Interception;

/// <summary>Ranges of addresses as people write them and as rules need them.</summary>
public static class AddressRanges
{
    /// <summary>Reads <c>10.0.0.0/8</c>, <c>fd00::/8</c> or one address.</summary>
    /// <param name="error">What is wrong and, where bits stand beyond the prefix, what was meant.</param>
    public static bool TryParse(string text, out IPNetwork range, out string error)
    {
        (range, error) = (default, "");
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address) || text.Contains('%', StringComparison.Ordinal))
        {
            error = $"\"{text}\" is no range of addresses: write 10.0.0.0/8 or fd00::/8";
            return false;
        }
        var whole = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = whole;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > whole))
        {
            error = $"\"{text}\": the part after the slash is a number from 0 to {whole}";
            return false;
        }
        var first = First(address, length);
        if (!first.Equals(address))
        {
            error = $"\"{text}\" has bits beyond its prefix: {first}/{length} is the range, {address}/{whole} the address";
            return false;
        }
        range = MappedAddresses.Unmap(new IPNetwork(first, length)); // what connects to ::ffff:10.0.0.1 sends IPv4
        return true;
    }

    /// <summary>In order, without those that lie in another: two prefixes are nested or apart, so that what remains is disjoint, as an nftables interval set must be.</summary>
    public static ImmutableArray<IPNetwork> Distinct(IEnumerable<IPNetwork> ranges)
    {
        var all = ranges.Distinct().ToList();
        return
        [
            .. all.Where(r => !all.Exists(o => o != r && o.PrefixLength <= r.PrefixLength && o.BaseAddress.AddressFamily == r.BaseAddress.AddressFamily && o.Contains(r.BaseAddress)))
                .OrderBy(r => r.BaseAddress.AddressFamily).ThenBy(r => Convert.ToHexString(r.BaseAddress.GetAddressBytes()), StringComparer.Ordinal),
        ];
    }

    /// <summary>The range, or the address alone where it is one.</summary>
    public static string Text(IPNetwork range) =>
        range.PrefixLength == (range.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) ? range.BaseAddress.ToString() : range.ToString();

    private static IPAddress First(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(length - (8 * i), 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - kept));
        }
        return new IPAddress(bytes);
    }
}
