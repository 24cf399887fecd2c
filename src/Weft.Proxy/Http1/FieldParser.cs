using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>Field lines up to the blank line (RFC 9112 section 5), of a head or of a trailer section.</summary>
internal static class FieldParser
{
    private const string TooManyFields = "the number of fields passes the limit MaxFields (max_headers_count)";

    /// <summary>
    /// Adds the lines of <paramref name="buffer"/> from where <paramref name="scanner"/> stands. Done: the blank line is consumed.
    /// NeedMore: call again with the same bytes and more; lines already added stay.
    /// </summary>
    public static ParseStatus Parse(
        ReadOnlySpan<byte> buffer, int maxEnd, in Http1Error onMaxEnd, int maxFields, FieldList fields, ref LineScanner scanner, out Http1Error error)
    {
        while (true)
        {
            var status = scanner.Next(buffer, maxEnd, onMaxEnd, out var start, out var end, out error);
            if (status != ParseStatus.Done) return status;
            if (start == end) return ParseStatus.Done;
            if (fields.Count == maxFields)
            {
                error = new Http1Error(Http1ErrorKind.HeaderTooLarge, TooManyFields, maxFields);
                return ParseStatus.Invalid;
            }
            if (!TryAdd(buffer, start, end, fields, out error)) return ParseStatus.Invalid;
        }
    }

    private static bool TryAdd(ReadOnlySpan<byte> buffer, int start, int end, FieldList fields, out Http1Error error)
    {
        error = default;
        var line = buffer[start..end];
        var nameLength = line.IndexOfAnyExcept(Octets.Token);
        if (nameLength <= 0 || line[nameLength] != ':')
        {
            error = Http1Error.Bad(NameError(line, nameLength));
            return false;
        }
        var valueStart = nameLength + 1;
        var valueEnd = line.Length;
        while (valueStart < valueEnd && line[valueStart] is (byte)' ' or (byte)'\t') valueStart++;
        while (valueEnd > valueStart && line[valueEnd - 1] is (byte)' ' or (byte)'\t') valueEnd--;
        var known = KnownHeaders.Recognize(line[..nameLength]);
        fields.Add(new HeaderField(start, nameLength, start + valueStart, valueEnd - valueStart, known, KnownHeaders.EndsAtThisHop(known)));
        return true;
    }

    /// <summary>Each of these is tempting to repair: joining a folded line, trimming before the colon. A peer that repairs it otherwise
    /// sees another message (RFC 9112 sections 5.1, 5.2).</summary>
    private static string NameError(ReadOnlySpan<byte> line, int nameLength)
    {
        if (nameLength < 0) return "a field line has no colon";
        var space = line[nameLength] is (byte)' ' or (byte)'\t';
        if (nameLength == 0) return space ? "a field line starts with white space (line folding)" : "a field has an empty or invalid name";
        return space ? "white space in or after a field name" : "a field name contains an octet that is not allowed";
    }
}
