using System.Buffers.Text;
using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>
/// What the fields of a head say about framing and connection, gathered in one pass over the known ones. The rules for requests and for
/// responses judge it.
/// </summary>
internal ref struct MessageRules
{
    public int Hosts;
    public int HostIndex;
    public bool Chunked;
    public bool Close;
    public bool ConnectionKeepAlive;
    public bool ConnectionUpgrade;
    public bool Upgrade;

    /// <summary>
    /// Refuses every framing that two recipients could read differently (RFC 9112 section 6.3). Each has a tempting repair: equal lengths
    /// merged, Content-Length ignored beside Transfer-Encoding, <c>identity</c> dropped. A peer with another repair turns it into a
    /// smuggled request.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> buffer, Http1Head head, out MessageRules rules, out Http1Error error)
    {
        rules = default;
        error = default;
        head.ContentLength = -1;
        var fields = head.Fields;
        var namesFields = false;
        for (var i = 0; i < fields.Length; i++)
        {
            ref readonly var field = ref fields[i];
            if (field.Known == KnownHeader.Other) continue;
            var value = buffer.Slice(field.ValueStart, field.ValueLength);
            switch (field.Known)
            {
                case KnownHeader.Host:
                    rules.Hosts++;
                    rules.HostIndex = i;
                    break;
                case KnownHeader.ContentLength:
                    if (head.ContentLength >= 0) return Fail("Content-Length is repeated", out error);
                    if (!TryLength(value, out var length)) return Fail("Content-Length is not one number", out error);
                    head.ContentLength = length;
                    break;
                case KnownHeader.TransferEncoding:
                    if (rules.Chunked) return Fail("Transfer-Encoding is repeated", out error);
                    if (!TryCoding(value, out error)) return false;
                    rules.Chunked = true;
                    break;
                case KnownHeader.Connection:
                    namesFields |= rules.ReadConnection(value);
                    break;
                case KnownHeader.Upgrade:
                    rules.Upgrade |= value.Length != 0;
                    break;
                case KnownHeader.Te:
                    head.TeTrailers |= ContainsTrailers(value);
                    break;
                case KnownHeader.Expect:
                    head.ExpectContinue |= Ascii.EqualsIgnoreCase(value, "100-continue"u8);
                    break;
            }
        }
        if (rules.Chunked && head.ContentLength >= 0) return Fail("both Content-Length and Transfer-Encoding", out error);
        if (rules.Chunked && head.MinorVersion == 0) return Fail("Transfer-Encoding in an HTTP/1.0 message", out error);
        if (namesFields) EndNamedFields(buffer, head);
        head.ConnectionClose = rules.Close;
        head.KeepAlive = !rules.Close && (head.MinorVersion == 1 || rules.ConnectionKeepAlive);
        head.ExpectContinue &= head.MinorVersion == 1;
        head.UpgradeRequested = rules.Upgrade && rules.ConnectionUpgrade && head.MinorVersion == 1;
        return true;
    }

    /// <summary>1*DIGIT up to the largest <see cref="long"/>; no sign, no list, no white space inside. Leading zeros are digits.</summary>
    public static bool TryLength(ReadOnlySpan<byte> value, out long length)
    {
        length = 0;
        if (value.Length == 0 || value.ContainsAnyExcept(Octets.Digits)) return false;
        var digits = value.TrimStart((byte)'0');
        return digits.Length == 0 || (digits.Length <= 19 && Utf8Parser.TryParse(digits, out length, out var consumed) && consumed == digits.Length);
    }

    /// <summary>Exactly <c>chunked</c>. A coding before it is one that Weft would have to undo and does not know: 501; anything else
    /// leaves the end of the message unknown: 400 (RFC 9112 section 6.1).</summary>
    private static bool TryCoding(ReadOnlySpan<byte> value, out Http1Error error)
    {
        error = default;
        if (Ascii.EqualsIgnoreCase(value, "chunked"u8)) return true;
        var comma = value.LastIndexOf((byte)',');
        var known = comma > 0 && Ascii.EqualsIgnoreCase(Octets.TrimSpace(value[(comma + 1)..]), "chunked"u8);
        if (!known) return Fail("the last transfer coding is not chunked", out error);
        var rest = value[..comma];
        foreach (var range in rest.Split((byte)','))
        {
            var coding = rest[range];
            var parameters = coding.IndexOf((byte)';');
            var name = Octets.TrimSpace(parameters < 0 ? coding : coding[..parameters]);
            if (!Octets.IsToken(name) || Ascii.EqualsIgnoreCase(name, "chunked"u8))
                return Fail("Transfer-Encoding is malformed or repeats chunked", out error);
        }
        error = new Http1Error(Http1ErrorKind.NotImplemented, "a transfer coding other than chunked");
        return false;
    }

    /// <summary>True when an option names anything but the connection's own life.</summary>
    private bool ReadConnection(ReadOnlySpan<byte> value)
    {
        var namesFields = false;
        foreach (var range in value.Split((byte)','))
        {
            var option = Octets.TrimSpace(value[range]);
            if (option.Length == 0) continue;
            if (Ascii.EqualsIgnoreCase(option, "close"u8)) Close = true;
            else if (Ascii.EqualsIgnoreCase(option, "keep-alive"u8)) ConnectionKeepAlive = true;
            else if (Ascii.EqualsIgnoreCase(option, "upgrade"u8)) ConnectionUpgrade = true;
            else namesFields = true;
        }
        return namesFields;
    }

    /// <summary>
    /// Marks the fields that <c>Connection</c> names (RFC 9110 section 7.6.1). Host stays: a client that names it would have the next hop
    /// guess where the request belongs.
    /// </summary>
    private static void EndNamedFields(ReadOnlySpan<byte> buffer, Http1Head head)
    {
        foreach (ref readonly var connection in head.Fields)
        {
            if (connection.Known != KnownHeader.Connection) continue;
            var value = buffer.Slice(connection.ValueStart, connection.ValueLength);
            foreach (var range in value.Split((byte)','))
            {
                var option = Octets.TrimSpace(value[range]);
                if (option.Length == 0) continue;
                for (var i = 0; i < head.Fields.Length; i++)
                {
                    ref readonly var field = ref head.Fields[i];
                    if (field.HopByHop || field.Known == KnownHeader.Host || field.NameLength != option.Length) continue;
                    if (Ascii.EqualsIgnoreCase(buffer.Slice(field.NameStart, field.NameLength), option)) head.FieldList.EndAtThisHop(i);
                }
            }
        }
    }

    private static bool ContainsTrailers(ReadOnlySpan<byte> value)
    {
        foreach (var range in value.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(Octets.TrimSpace(value[range]), "trailers"u8)) return true;
        }
        return false;
    }

    private static bool Fail(string rule, out Http1Error error)
    {
        error = Http1Error.Bad(rule);
        return false;
    }
}
