using System.Globalization;
using System.Text;

namespace Weft.Proxy.Configuration.Text;

/// <summary>google.protobuf.Struct and its parts, where no field says what a value is: the spelling of a plain scalar does (YAML 1.2's core schema).</summary>
internal static class Free
{
    /// <summary>Writes the content of a Struct; anything but a mapping is an empty one.</summary>
    public static void Struct(TextNode node, WireWriter into)
    {
        foreach (var entry in (node as TextMap)?.Entries ?? [])
        {
            var field = new WireWriter();
            field.Bytes(1, Encoding.UTF8.GetBytes(entry.Key));
            var value = new WireWriter();
            Value(entry.Value, value);
            field.Bytes(2, value.Written);
            into.Bytes(1, field.Written);
        }
    }

    private static void Value(TextNode node, WireWriter into)
    {
        var inner = new WireWriter();
        switch (node)
        {
            case TextMap:
                Struct(node, inner);
                into.Bytes(5, inner.Written);
                break;
            case TextList list:
                foreach (var item in list.Items)
                {
                    var value = new WireWriter();
                    Value(item, value);
                    inner.Bytes(1, value.Written);
                }
                into.Bytes(6, inner.Written);
                break;
            case TextScalar { Text: null }:
                into.Number(1, 0);
                break;
            case TextScalar { IsPlain: true, Text: "true" or "false" } scalar:
                into.Number(4, scalar.Text == "true" ? 1UL : 0);
                break;
            case TextScalar { IsPlain: true } scalar when double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number):
                into.Fixed64(2, BitConverter.DoubleToUInt64Bits(number));
                break;
            case TextScalar scalar:
                into.Bytes(3, Encoding.UTF8.GetBytes(scalar.Text!));
                break;
        }
    }
}
