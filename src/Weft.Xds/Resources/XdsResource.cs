using Google.Protobuf;

namespace Weft.Xds;

/// <summary>One resource, serialized. Immutable.</summary>
/// <param name="Name">Its name within its type.</param>
/// <param name="Version">Its version: <see cref="XdsVersion.Of"/> of the body for resources made here; opaque for those received.</param>
/// <param name="Body">The message's bytes: the value of the <c>Any</c>, whose type URL is that of the <see cref="XdsType"/>.</param>
public sealed record XdsResource(string Name, string Version, ByteString Body)
{
    /// <summary>Other names under which the resource may be asked for (<c>Resource.aliases</c>).</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Serializes <paramref name="message"/> and hashes it. Protobuf writes maps in the order of insertion, so whoever fills one
    /// does it in a fixed order, or the version changes without the content.</summary>
    public static XdsResource Of(string name, IMessage message) => Of(name, message.ToByteString());

    public static XdsResource Of(string name, ByteString body) => new(name, XdsVersion.Of(body.Span), body);
}
