using System.Buffers;
using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Http2.Hpack;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2;

/// <summary>What every field must fulfil (RFC 9113 section 8.2). A field that HTTP/1 would read otherwise, or as two, is malformed, not repaired.</summary>
internal static class FieldRules
{
    private static readonly SearchValues<byte> _name = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"u8);

    /// <summary>Judges a field that is no pseudo field.</summary>
    /// <param name="error">A constant; null when the field is well formed.</param>
    public static bool TryField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, KnownHeader known, out string error)
    {
        error = "";
        if (name.IsEmpty || name.ContainsAnyExcept(_name)) error = "a field name has a capital letter or an octet that is not allowed";
        else if (!IsValue(value)) error = "a field value has a control character, or white space around it";
        else if (known is KnownHeader.Connection or KnownHeader.TransferEncoding or KnownHeader.Upgrade or KnownHeader.KeepAlive or KnownHeader.ProxyConnection)
            error = "a field that belongs to HTTP/1 connections";
        else if (known == KnownHeader.Te && !Ascii.EqualsIgnoreCase(value, "trailers"u8)) error = "TE with more than trailers";
        return error.Length == 0;
    }

    public static bool IsValue(ReadOnlySpan<byte> value) =>
        !value.ContainsAny(Octets.Controls) && (value.IsEmpty || value[0] is not ((byte)' ' or (byte)'\t') && value[^1] is not ((byte)' ' or (byte)'\t'));

    /// <summary>Judges a trailer section and drops what may not stand in one (RFC 9110 section 6.5.1).</summary>
    public static bool TryTrailers(FieldBlock block, out string error)
    {
        error = "";
        foreach (ref readonly var field in block.Fields)
        {
            var name = block.Name(field);
            if (name is [(byte)':', ..]) error = "a pseudo field in trailers";
            else if (TryField(name, block.Value(field), field.Known, out error)) continue;
            return false;
        }
        block.FieldList.Retain(block.Buffer, TrailerRules.IsAllowed);
        return true;
    }
}
