namespace Weft.Proxy.Http1;

/// <summary>What a complete request head must fulfil as a whole: one valid Host and one readable framing.</summary>
internal static class RequestRules
{
    public static bool TryApply(ReadOnlySpan<byte> buffer, Http1Head head, out Http1Error error)
    {
        if (!MessageRules.TryRead(buffer, head, out var rules, out error)) return false;
        if (!TryHost(buffer, head, rules, out error)) return false;
        head.Body = rules.Chunked ? BodyKind.Chunked
            : head.ContentLength > 0 ? BodyKind.Length
            : BodyKind.None;
        if (head.Body != BodyKind.None && head.RequestKind == RequestKind.Connect)
        {
            error = Http1Error.Bad("CONNECT with a body");
            return false;
        }
        return true;
    }

    /// <summary>RFC 9112 section 3.2: HTTP/1.1 has exactly one Host, and a repeated or invalid one is refused in every version, even where an
    /// absolute target overrides it: the server behind may look at Host.</summary>
    private static bool TryHost(ReadOnlySpan<byte> buffer, Http1Head head, in MessageRules rules, out Http1Error error)
    {
        error = default;
        if (rules.Hosts > 1) return Fail("Host is repeated", out error);
        if (rules.Hosts == 0) return head.MinorVersion == 0 || Fail("no Host in an HTTP/1.1 request", out error);
        var field = head.Fields[rules.HostIndex];
        if (!Authority.TryParse(buffer.Slice(field.ValueStart, field.ValueLength), out var parts))
            return Fail("Host is empty or no valid host and port", out error);
        if (head.TargetForm is TargetForm.Absolute or TargetForm.Authority) return true;
        head.AuthorityStart = field.ValueStart;
        head.AuthorityLength = field.ValueLength;
        head.AuthorityParts = parts;
        return true;
    }

    private static bool Fail(string rule, out Http1Error error)
    {
        error = Http1Error.Bad(rule);
        return false;
    }
}
