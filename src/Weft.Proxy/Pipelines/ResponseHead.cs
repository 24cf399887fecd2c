using Weft.Proxy.Http1;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>A response's head as a view over the buffer it was parsed into; valid only during the call that hands it over.</summary>
/// <param name="status">100 to 599.</param>
/// <param name="reason">The reason phrase; may be empty. From a protocol that has none: the standard one.</param>
/// <param name="buffer">What <paramref name="fields"/> points into.</param>
/// <param name="fields">Every field, in the order received.</param>
/// <param name="body">How the body is framed where it comes from.</param>
/// <param name="contentLength">Value of Content-Length, also where there is no body (HEAD, 304); -1 without one.</param>
internal readonly ref struct ResponseHead(
    int status, ReadOnlySpan<byte> reason, ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields, BodyKind body, long contentLength)
{
    public int Status { get; } = status;

    public ReadOnlySpan<byte> Reason { get; } = reason;

    public ReadOnlySpan<byte> Buffer { get; } = buffer;

    public ReadOnlySpan<HeaderField> Fields { get; } = fields;

    public BodyKind Body { get; } = body;

    public long ContentLength { get; } = contentLength;

    public ReadOnlySpan<byte> Name(in HeaderField field) => Buffer.Slice(field.NameStart, field.NameLength);

    public ReadOnlySpan<byte> Value(in HeaderField field) => Buffer.Slice(field.ValueStart, field.ValueLength);
}
