using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Core.V3;
using Google.Protobuf.Collections;
using Weft.Routing.Matching;

namespace Weft.Routing.Compile;

/// <summary>envoy.config.core.v3.CidrRange to <see cref="IPNetwork"/>.</summary>
internal static class CidrCompiler
{
    public static ImmutableArray<IPNetwork> Prefixes(this Compilation into, RepeatedField<CidrRange> ranges, FieldPath at, string field)
    {
        if (ranges.Count == 0) return [];
        var prefixes = ImmutableArray.CreateBuilder<IPNetwork>(ranges.Count);
        for (var i = 0; i < ranges.Count; i++)
        {
            if (into.Prefix(ranges[i], at.Field(field, i)) is { } prefix) prefixes.Add(prefix);
        }
        return prefixes.ToImmutable();
    }

    /// <summary>An unset length is 0, which is every address of the family. Bits behind the prefix are cut off, as Envoy does; <see cref="IPNetwork"/> itself would refuse them.</summary>
    public static IPNetwork? Prefix(this Compilation into, CidrRange range, FieldPath at)
    {
        if (!IPAddress.TryParse(range.AddressPrefix, out var address))
        {
            into.Refuse(at.Field("address_prefix"), $"\"{range.AddressPrefix}\" is not an IP address");
            return null;
        }
        var bytes = address.GetAddressBytes();
        var length = range.PrefixLen ?? 0;
        if (length > bytes.Length * 8)
        {
            into.Refuse(at.Field("prefix_len"), $"{length} is outside 0 to {bytes.Length * 8}");
            return null;
        }
        for (var bit = (int)length; bit < bytes.Length * 8; bit++) bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return MappedAddresses.Unmap(new IPNetwork(new IPAddress(bytes), (int)length));
    }
}
