using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>What became of a head.</summary>
public enum WriteStatus : byte
{
    Ok,

    /// <summary>The destination is too small; write the head again into a larger one.</summary>
    Overflow,

    /// <summary>A value would have broken the head: it has CR, LF, NUL or another control character, or a name or method is no token.
    /// A larger destination changes nothing.</summary>
    Refused,
}

/// <summary>
/// Writes one message head. Failure is sticky and nothing throws: write all of it, then look at <see cref="Status"/>.
/// </summary>
/// <remarks>Everything is checked here although the parser checked it too: values also come from configuration, and this is the last place
/// where a line end in one can be stopped.</remarks>
public ref struct HeadWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>Bytes written; a head only when <see cref="Status"/> is Ok.</summary>
    public int Written { get; private set; }

    public WriteStatus Status { get; private set; }

    /// <summary><c>method target HTTP/1.1</c>. Weft always speaks its own version (RFC 9110 section 2.5).</summary>
    public void RequestLine(scoped ReadOnlySpan<byte> method, scoped ReadOnlySpan<byte> target)
    {
        if (!Octets.IsToken(method) || target.Length == 0 || target.ContainsAnyExcept(Octets.Target)) Refuse();
        Raw(method);
        Raw(" "u8);
        Raw(target);
        Raw(" HTTP/1.1\r\n"u8);
    }

    /// <summary><c>HTTP/1.1 status reason</c>; the reason may be empty.</summary>
    /// <param name="status">100 to 999.</param>
    /// <param name="reason">As the server wrote it.</param>
    public void StatusLine(int status, ReadOnlySpan<byte> reason)
    {
        if (status is < 100 or > 999 || reason.ContainsAny(Octets.Controls)) Refuse();
        Raw("HTTP/1.1 "u8);
        Number(status);
        Raw(" "u8);
        Raw(reason);
        Raw("\r\n"u8);
    }

    public void Field(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        if (!Octets.IsToken(name) || value.ContainsAny(Octets.Controls)) Refuse();
        Raw(name);
        Raw(": "u8);
        Raw(value);
        Raw("\r\n"u8);
    }

    /// <summary>
    /// The fields that travel on: all but those that end at this hop and Host, in order and in the peer's case.
    /// The caller writes Host, framing and connection fields itself.
    /// </summary>
    public void EndToEndFields(scoped ReadOnlySpan<byte> buffer, scoped ReadOnlySpan<HeaderField> fields)
    {
        foreach (ref readonly var field in fields)
        {
            if (!field.HopByHop && field.Known != KnownHeader.Host) Field(buffer, field);
        }
    }

    /// <summary>One field as it stands in <paramref name="buffer"/>.</summary>
    public void Field(scoped ReadOnlySpan<byte> buffer, in HeaderField field) =>
        Field(buffer.Slice(field.NameStart, field.NameLength), buffer.Slice(field.ValueStart, field.ValueLength));

    public void Host(scoped ReadOnlySpan<byte> authority) => Field("Host"u8, authority);

    /// <summary>The same with the name in lower case, as Envoy writes names unless it is told to keep their case.</summary>
    public void FieldInLowerCase(scoped ReadOnlySpan<byte> buffer, in HeaderField field)
    {
        var start = Written;
        Field(buffer, field);
        if (Status == WriteStatus.Ok) Ascii.ToLowerInPlace(_destination.Slice(start, field.NameLength), out _);
    }

    /// <summary>Complete lines that were checked when they were made (a route's header edits).</summary>
    public void Lines(scoped ReadOnlySpan<byte> lines) => Raw(lines);

    /// <param name="length">0 or more.</param>
    public void ContentLength(long length)
    {
        if (length < 0) Refuse();
        Raw("Content-Length: "u8);
        Number(length);
        Raw("\r\n"u8);
    }

    public void Chunked() => Raw("Transfer-Encoding: chunked\r\n"u8);

    public void ConnectionClose() => Raw("Connection: close\r\n"u8);

    /// <summary>For an HTTP/1.0 client that asked for it.</summary>
    public void ConnectionKeepAlive() => Raw("Connection: keep-alive\r\n"u8);

    /// <summary>An upgrade that was allowed, e.g. <c>websocket</c>.</summary>
    public void Upgrade(scoped ReadOnlySpan<byte> protocol)
    {
        Raw("Connection: Upgrade\r\n"u8);
        Field("Upgrade"u8, protocol);
    }

    /// <summary>Says that Weft passes trailers on; with the Connection option that RFC 9110 section 10.1.4 asks for.</summary>
    public void TeTrailers() => Raw("TE: trailers\r\nConnection: TE\r\n"u8);

    /// <summary>The blank line.</summary>
    public void End() => Raw("\r\n"u8);

    private void Number(long value)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(value, digits, out var length);
        Raw(digits[..length]);
    }

    private void Refuse() => Status = WriteStatus.Refused;

    private void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        if (Status != WriteStatus.Ok) return;
        if (!bytes.TryCopyTo(_destination[Written..]))
        {
            Status = WriteStatus.Overflow;
            return;
        }
        Written += bytes.Length;
    }
}
