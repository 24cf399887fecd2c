using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Routing.Compile;

/// <summary>What Weft says of a resource where xDS has no field for it: <c>metadata.filter_metadata["weft.dev"]</c>.</summary>
internal static class WeftMetadata
{
    /// <summary>A text, or an empty one where nothing is said.</summary>
    public static string Text(Metadata? metadata, string key) => Find(metadata, key) is { KindCase: Value.KindOneofCase.StringValue } value ? value.StringValue : "";

    /// <summary>A whole number, or 0.</summary>
    public static int Number(Metadata? metadata, string key) => Find(metadata, key) is { KindCase: Value.KindOneofCase.NumberValue } value ? (int)value.NumberValue : 0;

    private static Value? Find(Metadata? metadata, string key) =>
        metadata is not null && metadata.FilterMetadata.TryGetValue("weft.dev", out var weft) && weft.Fields.TryGetValue(key, out var value) ? value : null;
}
