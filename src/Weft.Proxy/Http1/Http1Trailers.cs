using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>
/// The fields of a trailer section, as offsets into the <c>data</c> that <see cref="BodyReader.Read"/> returned with its end.
/// Only fields that may stand there are kept.
/// </summary>
public sealed class Http1Trailers
{
    internal readonly FieldList FieldList = new();

    public ReadOnlySpan<HeaderField> Fields => FieldList.Span;

    /// <summary>Fields that were left out because they frame, route, authorize or describe the message (RFC 9110 section 6.5.1): whoever merged them
    /// into the head would have them decide after the decision.</summary>
    public int Dropped { get; private set; }

    internal void Clear()
    {
        FieldList.Clear();
        Dropped = 0;
    }

    internal void DropForbidden(ReadOnlySpan<byte> section) => Dropped = FieldList.Retain(section, TrailerRules.IsAllowed);
}
