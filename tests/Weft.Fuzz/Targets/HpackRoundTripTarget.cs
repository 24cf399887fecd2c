using Weft.Fuzz.Http2;
using Weft.Proxy.Http2.Hpack;

namespace Weft.Fuzz.Targets;

/// <summary>What the encoder writes, the decoder and an independent one read back the same, whatever the fields, their policies and the peer's table.</summary>
/// <remarks>The input is a sequence of: an octet of policy and name length, an octet of value length, name and value. 0xfe ends a block, 0xff with an octet n ends it and
/// lets the peer announce a table of 32 n bytes.</remarks>
public sealed class HpackRoundTripTarget : IFuzzTarget
{
    private static readonly IndexingPolicy[] Policies = Enum.GetValues<IndexingPolicy>();

    public string Name => "hpack-roundtrip";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        [.. Field(0, ":path", "/a?b"), .. Field(0, "x-request-id", "0123"), .. Field(0, "accept", "*/*"), 0xfe, .. Field(0, "accept", "*/*"), .. Field(0, ":path", "/a?b")],
        [.. Field(1, "x-a", "1"), 0xfe, .. Field(1, "x-a", "1"), 0xff, 0, .. Field(1, "x-a", "1"), 0xff, 128, .. Field(1, "x-a", "1"), .. Field(1, "x-a", "1")],
        [.. Field(2, "x-new", "v"), .. Field(3, "authorization", "secret"), 0xfe, .. Field(2, "x-new", "w"), .. Field(0, "cookie", "a=b"), .. Field(0, "X-UPPER", "\0\u00ff")],
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } =
        [[0xfe], [0xff, 0], [0xff, 1], [0xff, 2], [0xff, 128], [0xff, 0xff], Field(1, "x-a", "1"), Field(0, "accept", "*/*"), Field(1, "x-b", new string('b', 60)), Field(2, "date", "x"), Field(1, "", "")];

    public string Check(byte[] input, Random random)
    {
        var (encoder, decoder, raw) = (new HpackEncoder(), new HpackDecoder(HpackLimits.Default), new RawHpackDecoder());
        var output = new byte[(input.Length * 4) + 4096];
        var (fields, written, blocks) = (new List<(string, string)>(), 0, 0);
        var at = 0;
        while (at < input.Length)
        {
            var first = input[at++];
            if (first >= 0xfe)
            {
                Read(output.AsSpan(0, written), fields, decoder, raw);
                (written, blocks) = (0, blocks + 1);
                fields.Clear();
                if (first == 0xfe || at == input.Length) continue;
                var announced = input[at++] * 32;
                encoder.SetPeerTableBytes((uint)announced);
                decoder.SetMaxTableBytes(announced);
                raw.SetLimit(announced);
                continue;
            }
            if (at == input.Length || fields.Count == HpackLimits.Default.MaxFields) break;
            var (nameLength, valueLength) = (first >> 2, (int)input[at++]);
            var name = input.AsSpan(at, Math.Min(nameLength, input.Length - at)).ToArray();
            at += name.Length;
            for (var i = 0; i < name.Length; i++)
            {
                if (name[i] is <= (byte)' ' or >= 127) name[i] = (byte)'-'; // names are tokens: heads are checked before they are encoded
            }
            var value = input.AsSpan(at, Math.Min(valueLength, input.Length - at));
            at += value.Length;
            written += encoder.Encode(name, value, Policies[first & 3], output.AsSpan(written));
            fields.Add((Lower(MessageStream.Latin(name)), MessageStream.Latin(value)));
        }
        Read(output.AsSpan(0, written), fields, decoder, raw);
        return $"{Math.Min(blocks, 5)} blocks, {Math.Min(fields.Count, 3)} fields, table {(raw.TableBytes > 0 ? 1 : 0)}";
    }

    private static void Read(ReadOnlySpan<byte> block, List<(string Name, string Value)> fields, HpackDecoder decoder, RawHpackDecoder raw)
    {
        if (block.Length == 0) return; // an empty block is never sent, and could not say that the table shrank
        var into = new FieldBlock();
        if (decoder.Decode(block, into) != HpackStatus.Ok) throw new FuzzException($"our decoder refuses what our encoder wrote: {decoder.Reason}");
        List<(string Name, string Value)> read;
        try
        {
            read = raw.Decode(block);
        }
        catch (FormatException e)
        {
            throw new FuzzException($"an independent decoder refuses what our encoder wrote: {e.Message}");
        }
        var ours = into.Fields.ToArray().Select(f => (MessageStream.Latin(into.Name(f)), MessageStream.Latin(into.Value(f)))).ToList();
        if (!read.SequenceEqual(fields)) throw new FuzzException($"{string.Join(';', fields)} became {string.Join(';', read)}");
        if (!ours.SequenceEqual(fields)) throw new FuzzException($"{string.Join(';', fields)} is read by our decoder as {string.Join(';', ours)}");
    }

    private static string Lower(string text) => string.Concat(text.Select(c => c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c));

    private static byte[] Field(int policy, string name, string value) => [(byte)(policy | name.Length << 2), (byte)value.Length, .. MessageStream.Bytes(name), .. MessageStream.Bytes(value)];
}
