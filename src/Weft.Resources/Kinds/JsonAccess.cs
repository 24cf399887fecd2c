using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>How typed objects read the JSON that validation has already found to be right: absent is null, wrong throws.</summary>
internal static class JsonAccess
{
    public static string? Text(this JsonObject json, string name) => json[name]?.GetValue<string>();

    public static long? Long(this JsonObject json, string name) => json[name] is JsonValue value ? AsLong(value) : null;

    public static int? Int(this JsonObject json, string name) => json.Long(name) is { } value ? checked((int)value) : null;

    public static bool? Flag(this JsonObject json, string name) => json[name]?.GetValue<bool>();

    public static JsonObject Object(this JsonObject json, string name) => json[name] as JsonObject ?? [];

    public static DateTimeOffset? Time(this JsonObject json, string name) =>
        json.Text(name) is { } text
            ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal)
            : null;

    public static GatewayDuration? Duration(this JsonObject json, string name) => json.Text(name) is { } text ? GatewayDuration.Parse(text) : null;

    public static ImmutableArray<T> List<T>(this JsonObject json, string name, Func<JsonObject, T> item) =>
        json[name] is JsonArray array ? [.. array.Select(n => item((JsonObject)n!))] : [];

    public static ImmutableArray<string> TextList(this JsonObject json, string name) =>
        json[name] is JsonArray array ? [.. array.Select(n => n!.GetValue<string>())] : [];

    public static ImmutableSortedDictionary<string, string> TextMap(this JsonObject json, string name) => json.Map(name, n => n.GetValue<string>());

    public static ImmutableSortedDictionary<string, int> IntMap(this JsonObject json, string name) => json.Map(name, n => checked((int)AsLong(n.AsValue())));

    private static ImmutableSortedDictionary<string, T> Map<T>(this JsonObject json, string name, Func<JsonNode, T> value) =>
        json[name] is JsonObject map
            ? map.Where(p => p.Value is not null).ToImmutableSortedDictionary(p => p.Key, p => value(p.Value!), StringComparer.Ordinal)
            : ImmutableSortedDictionary.Create<string, T>(StringComparer.Ordinal);

    // A number made in memory keeps its CLR type, and GetValue<long> refuses an int; a number that was parsed takes any.
    public static long AsLong(JsonValue value) =>
        value.TryGetValue<long>(out var l) ? l
        : value.TryGetValue<int>(out var i) ? i
        : throw new InvalidDataException($"{value.ToJsonString()} is not a whole number ({(value.GetValueKind() == JsonValueKind.Number ? "out of range" : "not a number")})");
}
