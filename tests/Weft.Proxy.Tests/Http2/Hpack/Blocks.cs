using System.Text;
using Weft.Proxy.Http2.Hpack;

namespace Weft.Proxy.Tests.Http2.Hpack;

/// <summary>Field blocks as text.</summary>
internal static class Blocks
{
    public static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    /// <summary>One line per field, <c>name: value</c>; fails unless the block is Ok.</summary>
    public static List<string> Read(this HpackDecoder decoder, ReadOnlySpan<byte> block)
    {
        var fields = new FieldBlock();
        var status = decoder.Decode(block, fields);
        if (status != HpackStatus.Ok) throw new InvalidOperationException($"{status}: {decoder.Reason}");
        return fields.Lines();
    }

    public static List<string> Lines(this FieldBlock block)
    {
        var lines = new List<string>();
        foreach (var field in block.Fields) lines.Add($"{Text(block.Name(field))}: {Text(block.Value(field))}");
        return lines;
    }

    public static HpackStatus Status(this HpackDecoder decoder, string hex) => decoder.Decode(Hex(hex), new FieldBlock());

    public static byte[] Write(this HpackEncoder encoder, params (string Name, string Value)[] fields)
    {
        var output = new MemoryStream();
        foreach (var (name, value) in fields) output.Write(encoder.Write(name, value));
        return output.ToArray();
    }

    public static byte[] Write(this HpackEncoder encoder, string name, string value, IndexingPolicy policy = IndexingPolicy.ByName)
    {
        var (nameBytes, valueBytes) = (Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
        var destination = new byte[HpackEncoder.MaxEncodedLength(nameBytes.Length, valueBytes.Length)];
        return destination[..encoder.Encode(nameBytes, valueBytes, policy, destination)];
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
