namespace Weft.Proxy.Http1;

/// <summary>
/// HTTP/1.1 message heads (RFC 9112), strictly: what two servers could read in two ways is refused and never repaired.
/// </summary>
/// <remarks>
/// Both methods take the message from its first byte; after <see cref="ParseStatus.NeedMore"/> they take the same bytes again with more
/// behind them and go on where they stopped: lines are parsed as they complete, so a head fed byte by byte costs a constant per call.
/// </remarks>
public static class Http1Parser
{
    /// <summary>Parses a request head. One empty line before it is skipped (RFC 9112 section 2.2).</summary>
    public static ParseStatus ParseRequest(ReadOnlySpan<byte> buffer, Http1Limits limits, Http1Head head, out Http1Error error)
    {
        if (head.Stage is HeadStage.Fresh or HeadStage.Complete) head.Reset();
        var status = Request(buffer, limits, head, out error);
        if (status != ParseStatus.NeedMore) head.Stage = HeadStage.Complete;
        return status;
    }

    /// <summary>Parses a response head.</summary>
    /// <param name="buffer">The message from its first byte.</param>
    /// <param name="requestKind">What is answered: the body of an answer to HEAD or CONNECT is not where the fields say.</param>
    /// <param name="limits">The limits; the one on the request line does not apply.</param>
    /// <param name="head">Receives the head.</param>
    /// <param name="error">Always of kind <see cref="Http1ErrorKind.ResponseProtocol"/>.</param>
    public static ParseStatus ParseResponse(
        ReadOnlySpan<byte> buffer, RequestKind requestKind, Http1Limits limits, Http1Head head, out Http1Error error)
    {
        if (head.Stage is HeadStage.Fresh or HeadStage.Complete) head.Reset();
        head.RequestKind = requestKind;
        var status = Response(buffer, limits, head, out error);
        if (status != ParseStatus.NeedMore) head.Stage = HeadStage.Complete;
        if (status == ParseStatus.Invalid) error = error with { Kind = Http1ErrorKind.ResponseProtocol };
        return status;
    }

    private static ParseStatus Request(ReadOnlySpan<byte> buffer, Http1Limits limits, Http1Head head, out Http1Error error)
    {
        if (head.Stage == HeadStage.StartLine)
        {
            var status = SkipEmptyLine(buffer, head, out error);
            if (status != ParseStatus.Done) return status;
            var first = head.Lines.Start;
            // Before a line is complete, so that TLS or garbage is refused at its first byte instead of waited for.
            if (first < buffer.Length && !Octets.Token.Contains(buffer[first]))
            {
                error = Http1Error.Bad("the request line does not start with a method");
                return ParseStatus.Invalid;
            }
            status = NextStartLine(
                buffer, head, first + limits.MaxRequestLineBytes, RequestLineTooLong(limits), limits, out var start, out var end, out error);
            if (status != ParseStatus.Done) return status;
            if (!RequestLine.TryParse(buffer, start, end, head, out error)) return ParseStatus.Invalid;
            head.Stage = HeadStage.Fields;
        }
        var fields = Fields(buffer, limits, head, out error);
        if (fields != ParseStatus.Done) return fields;
        return RequestRules.TryApply(buffer, head, out error) ? ParseStatus.Done : ParseStatus.Invalid;
    }

    private static ParseStatus Response(ReadOnlySpan<byte> buffer, Http1Limits limits, Http1Head head, out Http1Error error)
    {
        if (head.Stage == HeadStage.StartLine)
        {
            if (buffer.Length != 0 && buffer[0] != 'H')
            {
                error = Http1Error.Bad("the status line does not start with HTTP/");
                return ParseStatus.Invalid;
            }
            var status = NextStartLine(buffer, head, limits.MaxHeadBytes, HeadTooLarge(limits), limits, out var start, out var end, out error);
            if (status != ParseStatus.Done) return status;
            if (!StatusLine.TryParse(buffer, start, end, head, out error)) return ParseStatus.Invalid;
            head.Stage = HeadStage.Fields;
        }
        var fields = Fields(buffer, limits, head, out error);
        if (fields != ParseStatus.Done) return fields;
        return ResponseRules.TryApply(buffer, head, out error) ? ParseStatus.Done : ParseStatus.Invalid;
    }

    /// <summary>Old clients send CRLF behind a body. One is skipped; a stream of them would be work for nothing.</summary>
    private static ParseStatus SkipEmptyLine(ReadOnlySpan<byte> buffer, Http1Head head, out Http1Error error)
    {
        error = default;
        if (head.Lines.Start != 0 || buffer.Length == 0 || buffer[0] != '\r') return ParseStatus.Done;
        if (buffer.Length == 1) return ParseStatus.NeedMore;
        if (buffer[1] != '\n')
        {
            error = Http1Error.Bad("a line contains CR that no LF follows");
            return ParseStatus.Invalid;
        }
        head.Lines = new LineScanner(2);
        return ParseStatus.Done;
    }

    private static ParseStatus NextStartLine(
        ReadOnlySpan<byte> buffer, Http1Head head, int lineLimit, in Http1Error onLineLimit, Http1Limits limits,
        out int start, out int end, out Http1Error error) =>
        lineLimit <= limits.MaxHeadBytes
            ? head.Lines.Next(buffer, lineLimit, onLineLimit, out start, out end, out error)
            : head.Lines.Next(buffer, limits.MaxHeadBytes, HeadTooLarge(limits), out start, out end, out error);

    private static ParseStatus Fields(ReadOnlySpan<byte> buffer, Http1Limits limits, Http1Head head, out Http1Error error)
    {
        var status = FieldParser.Parse(
            buffer, limits.MaxHeadBytes, HeadTooLarge(limits), limits.MaxFields, head.FieldList, ref head.Lines, out error);
        if (status == ParseStatus.Done) head.Length = head.Lines.Start;
        return status;
    }

    private static Http1Error HeadTooLarge(Http1Limits limits) =>
        new(Http1ErrorKind.HeaderTooLarge, "the head passes the limit MaxHeadBytes (max_request_headers_kb, max_response_headers_kb), in bytes", limits.MaxHeadBytes);

    private static Http1Error RequestLineTooLong(Http1Limits limits) =>
        new(Http1ErrorKind.UriTooLong, "the request line passes the limit MaxRequestLineBytes (max_request_headers_kb), in bytes", limits.MaxRequestLineBytes);
}
