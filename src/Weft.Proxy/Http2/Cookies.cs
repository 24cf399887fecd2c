using Weft.Proxy.Http2.Hpack;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2;

/// <summary>Clients send a cookie in crumbs, one field each, because they compress better so; nothing but HTTP/2 reads more than one (RFC 9113 section 8.2.3).</summary>
internal static class Cookies
{
    /// <summary>Makes one field of all crumbs in <paramref name="block"/>, behind the others.</summary>
    /// <param name="from">Index of the first field that is no pseudo field.</param>
    public static void Join(FieldBlock block, int from)
    {
        var size = 0;
        foreach (ref readonly var field in block.Fields[from..])
        {
            if (IsCookie(block.Name(field))) size += field.ValueLength + 2;
        }
        const int nameLength = 6;
        var joined = block.Reserve(nameLength + size);
        "cookie"u8.CopyTo(joined);
        var written = nameLength;
        foreach (ref readonly var field in block.Fields[from..])
        {
            if (!IsCookie(block.Name(field))) continue;
            if (written > nameLength)
            {
                "; "u8.CopyTo(joined[written..]);
                written += 2;
            }
            block.Value(field).CopyTo(joined[written..]);
            written += field.ValueLength;
        }
        block.FieldList.Retain(block.Buffer, static (name, field) => field.Known != KnownHeader.Other || !IsCookie(name));
        block.Commit(written);
        block.AddCommitted(nameLength, written - nameLength, KnownHeader.Other, neverIndexed: true);
    }

    private static bool IsCookie(ReadOnlySpan<byte> name) => name.SequenceEqual("cookie"u8);
}
