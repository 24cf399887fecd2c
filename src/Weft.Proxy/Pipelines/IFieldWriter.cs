using Weft.Routing.Headers;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// Takes a head's fields in the form of one protocol. <see cref="RequestFields"/> and <see cref="ResponseFields"/> decide what is said, once for all
/// protocols; they are generic over the writer, so that no call is virtual.
/// </summary>
internal interface IFieldWriter
{
    /// <summary>Names keep their case on the wire; false: they travel in lower case.</summary>
    static abstract bool HasCase { get; }

    /// <summary>A field of ours.</summary>
    /// <param name="name">Lower case.</param>
    void Field(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value);

    /// <summary>A field as it came.</summary>
    /// <param name="keepCase">The name keeps the case that the sender wrote, where the protocol has any.</param>
    void Field(scoped ReadOnlySpan<byte> buffer, in HeaderField field, bool keepCase);

    /// <summary>What a route adds for one name.</summary>
    /// <param name="present">The head had fields of that name.</param>
    void Added(HeaderEdit edit, bool present);
}
