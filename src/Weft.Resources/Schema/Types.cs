using System.Collections.Immutable;

namespace Weft.Resources.Schema;

/// <summary>Short names for writing schemas, so that a kind's table reads like its documentation.</summary>
internal static class Types
{
    public static readonly AnyType Anything = new();
    public static readonly BooleanType Flag = new();
    public static readonly IntegerType PortNumber = new(1, 65535);
    public static readonly TextType PlainText = new();

    public static ObjectType Object(params ImmutableArray<Field> fields) => new(fields);

    public static TextType Text(int min = 0, int max = int.MaxValue, TextFormat? format = null) => new() { MinLength = min, MaxLength = max, Format = format };

    public static TextType Of(TextFormat format) => new() { Format = format };

    public static TextType OneOf(params ImmutableArray<string> words) => new() { Allowed = words };

    public static IntegerType Integer(long min = long.MinValue, long max = long.MaxValue) => new(min, max);

    public static ListType List(FieldType item, int min = 0, int max = int.MaxValue) => new(item) { MinItems = min, MaxItems = max };

    public static MapType Map(FieldType value, TextFormat? key = null, int max = int.MaxValue) => new(new TextType { Format = key }, value) { MaxEntries = max };

    public static Field Optional(string name, FieldType type, string doc, string? @default = null) => new(name, type, doc) { Default = @default };

    public static Field Required(string name, FieldType type, string doc) => new(name, type, doc) { Required = true };
}
