using System.Text;

namespace Weft.Routing.Requests;

/// <summary>
/// What routing, authorization and telemetry may know of a request: the pseudo header values and the fields, as views
/// over the worker's buffer. Valid only while that buffer is; a decision copies what it keeps.
/// </summary>
/// <param name="method">The method token, case-sensitive (RFC 9110 section 9.1).</param>
/// <param name="scheme"><c>http</c> or <c>https</c>, lower case.</param>
/// <param name="authority">Host and optional port as the client wrote them (Host, :authority or absolute-form target).</param>
/// <param name="path">The normalised path with its query: the very bytes that will be forwarded unless a route rewrites them.</param>
/// <param name="buffer">The buffer that <paramref name="fields"/> points into.</param>
/// <param name="fields">Every field of the head in the order received.</param>
public readonly ref struct RequestHead(
    ReadOnlySpan<byte> method, ReadOnlySpan<byte> scheme, ReadOnlySpan<byte> authority, ReadOnlySpan<byte> path,
    ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields)
{
    public ReadOnlySpan<byte> Method { get; } = method;

    public ReadOnlySpan<byte> Scheme { get; } = scheme;

    public ReadOnlySpan<byte> Authority { get; } = authority;

    /// <summary>Path and query.</summary>
    public ReadOnlySpan<byte> Path { get; } = path;

    public ReadOnlySpan<byte> Buffer { get; } = buffer;

    public ReadOnlySpan<HeaderField> Fields { get; } = fields;

    /// <summary><see cref="Path"/> without the query.</summary>
    public ReadOnlySpan<byte> PathOnly
    {
        get
        {
            var query = Path.IndexOf((byte)'?');
            return query < 0 ? Path : Path[..query];
        }
    }

    public ReadOnlySpan<byte> Name(in HeaderField field) => Buffer.Slice(field.NameStart, field.NameLength);

    public ReadOnlySpan<byte> Value(in HeaderField field) => Buffer.Slice(field.ValueStart, field.ValueLength);

    /// <summary>The first field called <paramref name="name"/> (ASCII, compared without case), as Gateway API and Envoy's
    /// single-value matchers read a repeated field.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (ref readonly var field in Fields)
        {
            if (field.NameLength == name.Length && Ascii.EqualsIgnoreCase(Name(field), name))
            {
                value = Value(field);
                return true;
            }
        }
        value = default;
        return false;
    }

    public bool TryGet(KnownHeader known, out ReadOnlySpan<byte> value)
    {
        foreach (ref readonly var field in Fields)
        {
            if (field.Known == known)
            {
                value = Value(field);
                return true;
            }
        }
        value = default;
        return false;
    }
}
