namespace Weft.Routing.Compile.Fields;

/// <summary>What becomes of a field that is set.</summary>
public enum FieldList : byte
{
    /// <summary>It does what its documentation says; values that it cannot take are refused by the compiler.</summary>
    Honoured,

    /// <summary>Ignored: without it, requests are treated as the writer asked (statistics, hints, settings of protocols that are not spoken).</summary>
    Harmless,

    /// <summary>The resource is refused and the field named: ignoring it would quietly do something else than was asked.</summary>
    Refused,
}

/// <summary>What an honoured field holds. The well-known types are kinds of their own, because their text form is.</summary>
public enum FieldKind : byte
{
    /// <summary>Not said: fields that are not honoured.</summary>
    None,
    String,
    Bytes,
    Bool,
    UInt32,
    UInt64,
    Int32,
    Int64,
    Double,
    Enum,
    Duration,
    BoolValue,
    UInt32Value,
    Struct,

    /// <summary>google.protobuf.Any: the lists of the message that its type URL names apply.</summary>
    Any,

    /// <summary>A message with lists of its own, <see cref="FieldRule.Child"/>.</summary>
    Message,
}

/// <summary>One field of a message that Weft understands.</summary>
/// <param name="Number">The field's number.</param>
/// <param name="Name">The field's proto name.</param>
/// <param name="List">On which list it stands.</param>
/// <param name="Repeated">Its occurrences are numbered in paths.</param>
/// <param name="Oneof">Name of the oneof that it belongs to, or empty.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Child">Full name of the message that a <see cref="FieldKind.Message"/> holds; else empty.</param>
/// <param name="Values">Names and numbers of a <see cref="FieldKind.Enum"/>; else empty.</param>
public sealed record FieldRule(
    int Number, string Name, FieldList List, bool Repeated, string Oneof, FieldKind Kind, string Child, IReadOnlyList<(string Name, int Number)> Values)
{
    /// <summary>Name in the proto3 JSON mapping: <c>stat_prefix</c> is <c>statPrefix</c>.</summary>
    public string JsonName => string.Concat(Name.Split('_').Select((part, i) => i == 0 || part.Length == 0 ? part : char.ToUpperInvariant(part[0]) + part[1..]));

    /// <summary>True for a map, whose entries are messages of a key and a value.</summary>
    public bool IsMap => Child.EndsWith("Entry", StringComparison.Ordinal);

    /// <summary>Reads <c>name=number</c>, then <c>[]</c> when repeated, <c>@oneof</c> when part of one, <c>:type</c> unless it is a string.</summary>
    /// <param name="entry">The text.</param>
    /// <param name="list">The list that it was found on.</param>
    /// <param name="package">Of types that are written without one.</param>
    internal static FieldRule Parse(string entry, FieldList list, string package)
    {
        var (name, rest) = Split(entry, '=');
        var (place, type) = Split(rest, ':');
        var (number, oneof) = Split(place, '@');
        var repeated = number.EndsWith("[]", StringComparison.Ordinal);
        var kind = list == FieldList.Honoured ? KindOf(type) : FieldKind.None;
        return new FieldRule(
            int.Parse(repeated ? number[..^2] : number), name, list, repeated, oneof, kind,
            kind != FieldKind.Message ? "" : char.IsAsciiLetterLower(type[0]) ? type : $"{package}.{type}",
            kind == FieldKind.Enum ? EnumValues(type["enum(".Length..^1]) : []);
    }

    private static FieldKind KindOf(string type) => type switch
    {
        "" => FieldKind.String,
        "bytes" => FieldKind.Bytes,
        "bool" => FieldKind.Bool,
        "uint32" => FieldKind.UInt32,
        "uint64" => FieldKind.UInt64,
        "int32" => FieldKind.Int32,
        "int64" => FieldKind.Int64,
        "double" => FieldKind.Double,
        "Duration" => FieldKind.Duration,
        "BoolValue" => FieldKind.BoolValue,
        "UInt32Value" => FieldKind.UInt32Value,
        "Struct" => FieldKind.Struct,
        "Any" => FieldKind.Any,
        _ => type.StartsWith("enum(", StringComparison.Ordinal) ? FieldKind.Enum : FieldKind.Message,
    };

    /// <summary>A name without a number follows the one before it.</summary>
    private static List<(string Name, int Number)> EnumValues(string text)
    {
        var values = new List<(string Name, int Number)>();
        foreach (var value in text.Split(','))
        {
            var (name, number) = Split(value, '=');
            values.Add((name, number.Length > 0 ? int.Parse(number) : values.Count));
        }
        return values;
    }

    private static (string Before, string After) Split(string text, char at)
    {
        var index = text.IndexOf(at);
        return index < 0 ? (text, "") : (text[..index], text[(index + 1)..]);
    }
}
