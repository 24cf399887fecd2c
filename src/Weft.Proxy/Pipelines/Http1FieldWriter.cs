using Weft.Proxy.Http1;
using Weft.Routing.Headers;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>Fields as lines of an HTTP/1 head.</summary>
internal ref struct Http1FieldWriter(Span<byte> destination) : IFieldWriter
{
    /// <summary>What is not a field: start line, framing, the end.</summary>
    public HeadWriter Head = new(destination);

    public static bool HasCase => true;

    public void Field(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value) => Head.Field(name, value);

    public void Field(scoped ReadOnlySpan<byte> buffer, in HeaderField field, bool keepCase)
    {
        if (keepCase) Head.Field(buffer, field);
        else Head.FieldInLowerCase(buffer, field);
    }

    public void Added(HeaderEdit edit, bool present) => Head.Lines(edit.Lines(present));
}
