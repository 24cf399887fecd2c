using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Weft.Routing.Clusters;

namespace Weft.Routing.Compile;

/// <summary>google.protobuf.Struct as flat text pairs.</summary>
internal static class MetadataReader
{
    public static MatchLabels Labels(Struct? metadata) =>
        metadata is null || metadata.Fields.Count == 0
            ? MatchLabels.Empty
            : new MatchLabels(metadata.Fields.Select(f => KeyValuePair.Create(f.Key, Text(f.Value))));

    /// <summary>Text as it is; numbers and booleans in JSON's spelling; anything else is empty, which no label has.</summary>
    public static string Text(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => value.StringValue,
        Value.KindOneofCase.NumberValue => value.NumberValue.ToString("R", CultureInfo.InvariantCulture),
        Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        _ => "",
    };
}
