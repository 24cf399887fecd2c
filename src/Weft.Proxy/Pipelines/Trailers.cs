using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>The fields behind a body, whatever protocol brought them; only those that may stand there. Valid only during the call that hands it over.</summary>
/// <param name="buffer">What <paramref name="fields"/> points into.</param>
/// <param name="fields">In the order received; empty when the message ended without any.</param>
internal readonly ref struct Trailers(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields)
{
    public ReadOnlySpan<byte> Buffer { get; } = buffer;

    public ReadOnlySpan<HeaderField> Fields { get; } = fields;

    public bool IsEmpty => Fields.IsEmpty;

    public ReadOnlySpan<byte> Name(in HeaderField field) => Buffer.Slice(field.NameStart, field.NameLength);

    public ReadOnlySpan<byte> Value(in HeaderField field) => Buffer.Slice(field.ValueStart, field.ValueLength);
}
