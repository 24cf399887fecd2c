namespace Weft.Proxy.Http1;

/// <summary>How a response ends, by its status and by what it answers (RFC 9112 section 6.3).</summary>
internal static class ResponseRules
{
    public static bool TryApply(ReadOnlySpan<byte> buffer, Http1Head head, out Http1Error error)
    {
        if (!MessageRules.TryRead(buffer, head, out var rules, out error)) return false;
        var framed = rules.Chunked || head.ContentLength > 0;
        if (head.Status is < 200 or 204 || (head.RequestKind == RequestKind.Connect && head.Status is >= 200 and < 300))
        {
            // These have no body whatever the fields say. A sender that announces one may send it, and then it would be read as the next answer.
            head.Body = BodyKind.None;
            head.KeepAlive &= !framed;
        }
        else if (head.RequestKind == RequestKind.Head || head.Status == 304)
        {
            head.Body = BodyKind.None;
        }
        else if (rules.Chunked)
        {
            head.Body = BodyKind.Chunked;
        }
        else if (head.ContentLength >= 0)
        {
            head.Body = head.ContentLength == 0 ? BodyKind.None : BodyKind.Length;
        }
        else
        {
            head.Body = BodyKind.UntilClose;
            head.KeepAlive = false;
        }
        return true;
    }
}
