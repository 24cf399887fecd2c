namespace Weft.Proxy.Http1;

/// <summary>
/// Finds lines that end with CRLF in a buffer that grows at its end, looking at every octet once however the bytes arrive.
/// </summary>
internal struct LineScanner
{
    /// <summary>Where the line begins that is being read.</summary>
    public int Start;

    /// <summary>Up to here there is no control character in the line.</summary>
    private int _scanned;

    public LineScanner(int start)
    {
        Start = start;
        _scanned = start;
    }

    /// <summary>
    /// The next line without its CRLF. <paramref name="limit"/> is the offset that the line end may not pass; <paramref name="onLimit"/>
    /// the error for one that does.
    /// </summary>
    /// <remarks>RFC 9112 section 2.2 lets a recipient take a bare LF for a line end. Weft refuses: a peer that takes it otherwise
    /// sees other fields than Weft does, and that is request smuggling.</remarks>
    public ParseStatus Next(ReadOnlySpan<byte> buffer, int limit, in Http1Error onLimit, out int lineStart, out int lineEnd, out Http1Error error)
    {
        lineStart = Start;
        lineEnd = 0;
        error = default;
        var window = buffer.Length > limit ? buffer[..limit] : buffer;
        var found = _scanned < window.Length ? window[_scanned..].IndexOfAny(Octets.Controls) : -1;
        if (found < 0)
        {
            _scanned = Math.Max(_scanned, window.Length);
            return Incomplete(window, limit, onLimit, out error);
        }
        var at = _scanned + found;
        _scanned = at;
        if (window[at] != '\r')
        {
            error = Http1Error.Bad(window[at] switch
            {
                (byte)'\n' => "a line ends with LF alone instead of CRLF",
                0 => "a line contains NUL",
                _ => "a line contains a control character",
            });
            return ParseStatus.Invalid;
        }
        if (at + 1 == window.Length) return Incomplete(window, limit, onLimit, out error);
        if (window[at + 1] != '\n')
        {
            error = Http1Error.Bad("a line contains CR that no LF follows");
            return ParseStatus.Invalid;
        }
        lineEnd = at;
        Start = _scanned = at + 2;
        return ParseStatus.Done;
    }

    private static ParseStatus Incomplete(ReadOnlySpan<byte> window, int limit, in Http1Error onLimit, out Http1Error error)
    {
        error = window.Length >= limit ? onLimit : default;
        return window.Length >= limit ? ParseStatus.Invalid : ParseStatus.NeedMore;
    }
}
