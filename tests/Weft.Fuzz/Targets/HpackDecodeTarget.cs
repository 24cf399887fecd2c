using Weft.Fuzz.Http2;
using Weft.Proxy.Http2.Hpack;

namespace Weft.Fuzz.Targets;

/// <summary>
/// Field blocks of one connection: the decoder and an independent reading of RFC 7541 refuse the same blocks and read the same fields, the tables keep to their size,
/// and a decoder with narrow limits drops blocks without losing step.
/// </summary>
/// <remarks>The input is a sequence of a length octet and a block; length 0 with an octet n announces a table of 16 n bytes.</remarks>
public sealed class HpackDecodeTarget : IFuzzTarget
{
    public string Name => "hpack-decode";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Blocks([0x82, 0x86, 0x84, .. RawHpack.Literal(1, "weft.test")]),
        Blocks([.. RawHpack.Incremental("x-a", "1"), .. RawHpack.Incremental("x-b", new string('v', 100))], [0xbe, 0xbf], [.. RawHpack.Incremental(62, "w"), 0xbe]),
        Blocks([.. RawHpack.TableSize(0), .. RawHpack.TableSize(100), 0x82], [0x00, .. RawHpack.Huffman("x-name"), .. RawHpack.Huffman("a value; with = signs")]),
        [0, 10, .. Blocks([.. RawHpack.TableSize(160), 0x82, .. RawHpack.NeverIndexed("authorization", "secret")])],
        Blocks([.. RawHpack.Incremental("x", new string('y', 200)), .. Enumerable.Repeat((byte)0xbe, 40)], [0xbe]),
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [0x00], [0x10], [0x40], [0x20], [0x3f, 0xe1, 0x1f], [0x7f], [0x80], [0xbe], [0xff], [0xff, 0x80, 0x80, 0x80, 0x80, 0x01], [0x0f, 0x2f], [0, 0], [0, 1], [0x82, 0x86, 0x84],
        RawHpack.Text("x-a"), RawHpack.Huffman("x-a"), RawHpack.Incremental("x-a", "1"), RawHpack.Literal(31, "v"), RawHpack.TableSize(31), RawHpack.HuffmanOctets(0xff, 0xff, 0xff, 0xff),
    ];

    public string Check(byte[] input, Random random)
    {
        var (wide, narrow) = (new HpackDecoder(HpackLimits.Default), new HpackDecoder(new HpackLimits { MaxListBytes = 300, MaxFields = 5 }));
        var (block, small) = (new FieldBlock(), new FieldBlock());
        var raw = new RawHpackDecoder();
        var (blocks, dropped) = (0, false);
        for (var at = 0; at + 1 < input.Length; blocks++)
        {
            var length = input[at++];
            if (length == 0)
            {
                var announced = input[at++] * 16;
                wide.SetMaxTableBytes(announced);
                narrow.SetMaxTableBytes(announced);
                raw.SetLimit(announced);
                continue;
            }
            var octets = input.AsSpan(at, Math.Min(length, input.Length - at));
            at += octets.Length;
            List<(string Name, string Value)>? expected;
            try
            {
                expected = raw.Decode(octets);
            }
            catch (FormatException)
            {
                expected = null;
            }
            var (status, limited) = (wide.Decode(octets, block), narrow.Decode(octets, small));
            if ((status == HpackStatus.Error) != (expected is null)) throw new FuzzException($"block {blocks}: {status} ({wide.Reason}), the independent reading {(expected is null ? "refuses" : "accepts")}");
            if ((limited == HpackStatus.Error) != (expected is null)) throw new FuzzException($"block {blocks}: with narrow limits {limited} ({narrow.Reason})");
            if (expected is null) return $"error after {Math.Min(blocks, 3)}: {wide.Reason}";
            if (wide.TableBytes != raw.TableBytes || narrow.TableBytes != raw.TableBytes) throw new FuzzException($"the table holds {wide.TableBytes} and {narrow.TableBytes} instead of {raw.TableBytes}");
            Compare(block, expected);
            if (limited == HpackStatus.Ok) Compare(small, expected);
            else if (expected.Count <= 5 && expected.Sum(f => f.Name.Length + f.Value.Length + 32) <= 300) throw new FuzzException("dropped within its limits");
            else if (small.Fields.Length > 0) throw new FuzzException("a dropped block left fields behind");
            dropped |= limited == HpackStatus.TooLarge;
        }
        return $"{Math.Min(blocks, 4)} blocks{(dropped ? ", dropped" : "")}";
    }

    private static void Compare(FieldBlock block, List<(string Name, string Value)> expected)
    {
        if (block.Fields.Length != expected.Count) throw new FuzzException($"{block.Fields.Length} fields instead of {expected.Count}");
        for (var i = 0; i < expected.Count; i++)
        {
            var (name, value) = (MessageStream.Latin(block.Name(block.Fields[i])), MessageStream.Latin(block.Value(block.Fields[i])));
            if ((name, value) != expected[i]) throw new FuzzException($"{name}: {value} instead of {expected[i]}");
        }
    }

    private static byte[] Blocks(params byte[][] blocks) => [.. blocks.SelectMany(b => (byte[])[(byte)b.Length, .. b])];
}
