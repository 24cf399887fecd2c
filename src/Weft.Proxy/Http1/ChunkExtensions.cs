namespace Weft.Proxy.Http1;

/// <summary><c>*( BWS ";" BWS name [ BWS "=" BWS value ] )</c>, a value being a token or a quoted string (RFC 9112 section 7.1.1).</summary>
/// <remarks>They carry nothing that Weft keeps, but a recipient that skips to the line end without reading them sees another line end inside a
/// quoted string than one that reads them.</remarks>
internal static class ChunkExtensions
{
    public static bool AreValid(ReadOnlySpan<byte> text)
    {
        while (text.Length != 0)
        {
            text = SkipSpace(text);
            if (text.Length == 0 || text[0] != ';') return false;
            text = SkipSpace(text[1..]);
            if (!TrySkipToken(ref text)) return false;
            var afterName = SkipSpace(text);
            if (afterName.Length == 0 || afterName[0] != '=') continue;
            text = SkipSpace(afterName[1..]);
            var valid = text.Length != 0 && text[0] == '"' ? TrySkipQuoted(ref text) : TrySkipToken(ref text);
            if (!valid) return false;
        }
        return true;
    }

    private static ReadOnlySpan<byte> SkipSpace(ReadOnlySpan<byte> text) => text.TrimStart(" \t"u8);

    private static bool TrySkipToken(ref ReadOnlySpan<byte> text)
    {
        var length = text.IndexOfAnyExcept(Octets.Token);
        if (length < 0) length = text.Length;
        text = text[length..];
        return length != 0;
    }

    /// <summary>The line has no control characters but HTAB, so any octet between the quotes is allowed.</summary>
    private static bool TrySkipQuoted(ref ReadOnlySpan<byte> text)
    {
        for (var i = 1; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
                continue;
            }
            if (text[i] != '"') continue;
            text = text[(i + 1)..];
            return true;
        }
        return false;
    }
}
