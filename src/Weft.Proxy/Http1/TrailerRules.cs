using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>Which fields may arrive after the body (RFC 9110 section 6.5.1).</summary>
internal static class TrailerRules
{
    /// <summary>Framing, routing, request modifiers, authentication, response control and content format, by name.</summary>
    private static readonly HashSet<string> _forbidden = new(StringComparer.OrdinalIgnoreCase)
    {
        "age", "authorization", "cache-control", "content-encoding", "content-range", "cookie", "expires", "forwarded",
        "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "location", "max-forwards", "pragma", "range",
        "set-cookie", "vary", "warning", "www-authenticate", "x-forwarded-host", "x-forwarded-port",
    };

    private static readonly int _longest = _forbidden.Max(name => name.Length);

    public static bool IsAllowed(ReadOnlySpan<byte> name, HeaderField field)
    {
        if (field.Known != KnownHeader.Other) return false;
        if (name.Length > _longest) return true;
        Span<char> text = stackalloc char[name.Length];
        Ascii.ToUtf16(name, text, out _);
        return !_forbidden.GetAlternateLookup<ReadOnlySpan<char>>().Contains(text);
    }
}
