using System.Buffers.Text;
using System.Text;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;

namespace Weft.Proxy.Mesh;

/// <summary>
/// The fields that two Weft proxies say to each other beside what their applications say. All begin with <c>x-weft-</c>, so that one rule strips them at
/// every boundary: what an application, or a peer without a mesh identity, calls so is never passed on and never believed.
/// </summary>
internal static class MeshFields
{
    public static ReadOnlySpan<byte> Source => "x-weft-source"u8;

    public static ReadOnlySpan<byte> Form => "x-weft-form"u8;

    public static ReadOnlySpan<byte> Deadline => "x-weft-deadline"u8;

    /// <summary>The method of a request that travels as extended CONNECT; absent: GET.</summary>
    public static ReadOnlySpan<byte> Method => "x-weft-method"u8;

    /// <summary>The status of an answer of success to an upgrade that was not made (RFC 9110 section 7.8: a server may ignore the wish): over extended CONNECT any 2xx says that it was, so that
    /// the answer travels as <see cref="NotSwitched"/>.</summary>
    public static ReadOnlySpan<byte> Status => "x-weft-status"u8;

    /// <summary>501: the server does not support what would fulfil the request (RFC 8441 section 5, RFC 9220 section 3).</summary>
    public const int NotSwitched = 501;

    public static ReadOnlySpan<byte> Fault => "x-weft-fault"u8;

    public static ReadOnlySpan<byte> Id => "x-weft-id"u8;

    /// <summary>What a peer says of a response that it made itself, and what the first caller may read: why there is no answer, and under which id it is logged.</summary>
    public static bool IsForCallers(ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(name, Fault) || Ascii.EqualsIgnoreCase(name, Id);

    /// <summary>What the next proxy is told of a request, behind all other fields.</summary>
    /// <param name="form">Holds the names that were written; null when the next proxy needs to know none.</param>
    public static void WriteRequest<TWriter>(ref TWriter writer, Exchange exchange, MessageFormBuilder? form)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        if (!exchange.Context.Node.SourceUtf8.IsEmpty) writer.Field(Source, exchange.Context.Node.SourceUtf8);
        if (form is not null) WriteForm(ref writer, form);
        else if (TWriter.HasCase && exchange.DeliveredVersion == HttpVersion.Http2) writer.Field(Form, "2"u8);
        var left = exchange.LeftMs;
        if (left == MeshDeadline.None) return;
        Span<byte> digits = stackalloc byte[MeshDeadline.MaxLength];
        writer.Field(Deadline, digits[..MeshDeadline.Format(left, digits)]);
    }

    public static void WriteForm<TWriter>(ref TWriter writer, MessageFormBuilder form)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        if (!form.Value.IsEmpty) writer.Field(Form, form.Value);
    }

    /// <summary>Finds the status of success that stands behind <see cref="NotSwitched"/>.</summary>
    public static bool TryReadStatus(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields, out int status)
    {
        status = 0;
        foreach (ref readonly var field in fields)
        {
            if (field.Known != KnownHeader.XWeft || !Ascii.EqualsIgnoreCase(buffer.Slice(field.NameStart, field.NameLength), Status)) continue;
            return buffer.Slice(field.ValueStart, field.ValueLength) is [(byte)'2', _, _] digits && Utf8Parser.TryParse(digits, out status, out var used) && used == digits.Length;
        }
        return false;
    }

    /// <summary>Finds what the peer's proxy says of the form of a message.</summary>
    public static bool TryReadForm(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields, out MessageForm form)
    {
        foreach (ref readonly var field in fields)
        {
            if (field.Known == KnownHeader.XWeft && Ascii.EqualsIgnoreCase(buffer.Slice(field.NameStart, field.NameLength), Form))
                return MessageForm.TryParse(buffer.Slice(field.ValueStart, field.ValueLength), out form);
        }
        form = default;
        return false;
    }
}
