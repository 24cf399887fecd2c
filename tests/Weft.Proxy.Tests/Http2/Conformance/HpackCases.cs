using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Cases;
using Weft.Proxy.Tests.Http2.Wire;
using static Weft.Fuzz.Http2.RawCode;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>RFC 7541: what a decoder accepts and what is a COMPRESSION_ERROR.</summary>
internal static class HpackCases
{
    private static readonly byte[] Fine = RawHpack.Block(Requests.Fields("/fine"));

    public static IEnumerable<ConformanceCase> All => [.. Tables, .. Representations, .. Primitives];

    private static IEnumerable<ConformanceCase> Tables =>
    [
        new("RFC 7541 2.3.1", "static entries are found", [RawFrame.Headers(1, [0x82, 0x86, .. RawHpack.Literal(4, "/fine"), .. RawHpack.Literal(1, "weft.test"), 0x90])],
            Expect.Served(1, 200, (_, r) => r[0]["accept-encoding"] == "gzip, deflate" ? null : "entry 16")),
        new("RFC 7541 2.3.2", "the newest dynamic entry is 62, the one before it 63", [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", "1"), .. RawHpack.Incremental("x-b", "2")]), With(3, 0xbe, 0xbf)],
            Expect.Served(3, 200, Received(("x-a", "1"), ("x-b", "2")))),
        new("RFC 7541 2.3.2", "dynamic entries may repeat", [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", "1"), .. RawHpack.Incremental("x-a", "1")]), With(3, 0xbe)], Expect.Served(3, 200, Received(("x-a", "1")))),
        Broken("2.3.3", "an index beyond both tables", 0xff, 0x80, 0x01),
        Broken("2.3.3", "index 62 with an empty dynamic table", 0xbe),
        Broken("2.3.3", "a name index beyond both tables, incremental", [.. RawHpack.Incremental(70, "v")]),
        Broken("2.3.3", "a name index beyond both tables, without indexing", [.. RawHpack.Literal(70, "v")]),
        Broken("2.3.3", "a name index beyond both tables, never indexed", [.. RawHpack.Integer(70, 4, 0x10), .. RawHpack.Text("v")]),
        new("RFC 7541 4.1", "the size counts 32 octets an entry: 4096 of them fit and push the first out", async peer =>
        {
            await FillAsync(peer, 1);
            await peer.SendAsync(With(3, [.. RawHpack.Indexed(62 + 31)])); // 32 entries of 128
        }, Expect.Served(3)),
        new("RFC 7541 4.1", "an entry that was pushed out is gone", async peer =>
        {
            await FillAsync(peer, 1);
            await peer.SendAsync(With(3, [.. RawHpack.Indexed(62 + 32)]));
        }, Expect.ConnectionError(CompressionError)),
        new("RFC 7541 4.2", "a size update at the start of a block is accepted", [RawFrame.Headers(1, [.. RawHpack.TableSize(100), .. Fine])], Expect.Served()),
        new("RFC 7541 4.2", "two size updates at the start of a block are accepted", [RawFrame.Headers(1, [.. RawHpack.TableSize(0), .. RawHpack.TableSize(4096), .. Fine])], Expect.Served()),
        new("RFC 7541 4.2", "a size update behind a field is a COMPRESSION_ERROR", [RawFrame.Headers(1, [.. Fine, .. RawHpack.TableSize(100)])], Expect.ConnectionError(CompressionError)),
        new("RFC 7541 4.2", "a size update between fields is a COMPRESSION_ERROR", [RawFrame.Headers(1, [0x82, .. RawHpack.TableSize(100), .. Fine[5..]])], Expect.ConnectionError(CompressionError)),
        new("RFC 7541 4.3", "a size of 0 empties the table", [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", "1")]), RawFrame.Headers(3, [.. RawHpack.TableSize(0), .. RawHpack.TableSize(4096), .. Fine, 0xbe])],
            Expect.ConnectionError(CompressionError)),
        new("RFC 7541 4.3", "a smaller size keeps the newest entries",
            [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", "1"), .. RawHpack.Incremental("x-b", "2")]), RawFrame.Headers(3, [.. RawHpack.TableSize(36), .. Fine, 0xbe])], Expect.Served(3, 200, Received(("x-b", "2")))),
        new("RFC 7541 4.4", "an entry larger than the table empties it, and is sound itself",
            [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", "1")]), RawFrame.Headers(3, [.. Fine, .. RawHpack.Incremental("x-big", new string('v', 4096))]), With(5, 0xbe)], Expect.ConnectionError(CompressionError)),
        new("RFC 7541 4.4", "a new entry may take its name from the one that it pushes out",
            [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", new string('v', 2100))]), RawFrame.Headers(3, [.. Fine, .. RawHpack.Incremental(62, new string('w', 2100))]), With(5, 0xbe)],
            Expect.Served(5, 200, Received(("x-a", new string('w', 2100))))),
        new("RFC 7541 4.2", "the server's encoder keeps to a table of 0", async peer =>
        {
            for (var stream = 1; stream <= 9; stream += 2)
            {
                await peer.SendAsync(Requests.Get(stream));
                await peer.UntilAsync(p => p.Stream(stream).IsOver);
            }
        }, Expect.Served(9)) { Settings = [(1, 0)] },
        new("RFC 7541 4.2", "the server's encoder follows changes of the table's size", async peer =>
        {
            var stream = 1;
            foreach (var size in new uint[] { 4096, 0, 4096, 100, 65536, 1 })
            {
                await peer.ChangeSettingsAsync((1, size));
                for (var i = 0; i < 3; i++, stream += 2)
                {
                    await peer.SendAsync(Requests.Get(stream));
                    await peer.UntilAsync(p => p.Stream(stream).IsOver);
                }
            }
        }, Expect.Ignored),
        new("RFC 7541 4.2", "a table that shrinks and grows within one SETTINGS has been shrunk", async peer =>
        {
            await peer.SendAsync(Requests.Get(1));
            await peer.UntilAsync(p => p.Stream(1).IsOver);
            await peer.ChangeSettingsAsync((1, 0), (1, 4096));
            await peer.SendAsync(Requests.Get(3));
        }, Expect.Served(3)),
    ];

    private static IEnumerable<ConformanceCase> Representations =>
    [
        Broken("6.1", "index 0", 0x80),
        new("RFC 7541 6.2.1", "a literal with incremental indexing enters the table", [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental("x-a", "1")]), With(3, 0xbe)], Expect.Served(3, 200, Received(("x-a", "1")))),
        new("RFC 7541 6.2.1", "a literal with a static name and incremental indexing enters the table", [RawFrame.Headers(1, [.. Fine, .. RawHpack.Incremental(58, "agent")]), With(3, 0xbe)], Expect.Served(3, 200, Received(("user-agent", "agent")))),
        new("RFC 7541 6.2.2", "a literal without indexing does not", [RawFrame.Headers(1, [.. Fine, .. RawHpack.Literal("x-a", "1")]), With(3, 0xbe)], Expect.ConnectionError(CompressionError)),
        new("RFC 7541 6.2.3", "a literal that is never indexed does not", [RawFrame.Headers(1, [.. Fine, .. RawHpack.NeverIndexed("x-a", "1")]), With(3, 0xbe)], Expect.ConnectionError(CompressionError)),
        new("RFC 7541 6.2.3", "a literal that is never indexed arrives", [RawFrame.Headers(1, [.. Fine, .. RawHpack.NeverIndexed("x-a", "1")])], Expect.Served(1, 200, Received(("x-a", "1")))),
        Broken("6.3", "a table size above SETTINGS_HEADER_TABLE_SIZE", first: true, [.. RawHpack.TableSize(1 << 20)]),
    ];

    private static IEnumerable<ConformanceCase> Primitives =>
    [
        Broken("5.1", "an integer without an end", 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        Broken("5.1", "an integer above 2^32", 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
        Broken("5.1", "an integer that wraps to a sound one", 0xff, 0x80 | 0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02),
        Broken("5.1", "an integer that is cut off", 0xff),
        Broken("5.2", "a name longer than the block", 0x00, 0x09, (byte)'x'),
        Broken("5.2", "a value longer than the block", [0x00, .. RawHpack.Text("x-a"), 0x05, (byte)'v']),
        Broken("5.2", "a literal without its value", [0x00, .. RawHpack.Text("x-a")]),
        Broken("5.2", "a length of 2^31", [0x00, 0x7f, .. RawHpack.Integer(0x8000_0000, 7, 0)[1..]]),
        new("RFC 7541 5.2", "Huffman coded strings are read",
            [RawFrame.Headers(1, [.. Fine, 0x00, .. RawHpack.Huffman("x-name"), .. RawHpack.Huffman("The quick brown fox; 0123456789 \u00fc~")])], Expect.Served(1, 200, Received(("x-name", "The quick brown fox; 0123456789 \u00fc~")))),
        new("RFC 7541 5.2", "an empty Huffman coded string is empty", [RawFrame.Headers(1, [.. Fine, 0x00, .. RawHpack.Text("x-a"), 0x80])], Expect.Served()),
        Broken("5.2", "padding of zeros", [.. Value(RawHpack.HuffmanOctets(0x00))]),
        Broken("5.2", "padding of 8 ones and more", [.. Value([.. RawHpack.Integer(RawHuffman.Encode("a"u8).Length + 1, 7, 0x80), .. RawHuffman.Encode("a"u8), 0xff])]),
        Broken("5.2", "a string of padding alone", [.. Value(RawHpack.HuffmanOctets(0xff))]),
        Broken("5.2", "EOS in a string", [.. Value([.. RawHpack.Integer(RawHuffman.EncodeWithEos("a"u8).Length, 7, 0x80), .. RawHuffman.EncodeWithEos("a"u8)])]),
        Broken("5.2", "a code that is cut off", [.. Value(RawHpack.HuffmanOctets(0xff, 0xff, 0xff, 0xfe))]),
    ];

    private static byte[] Value(byte[] text) => [0x00, .. RawHpack.Text("x-a"), .. text];

    /// <summary>A request whose block ends with <paramref name="octets"/>.</summary>
    private static RawFrame With(int stream, params byte[] octets) => RawFrame.Headers(stream, [.. Fine, .. octets]);

    private static ConformanceCase Broken(string section, string gist, params byte[] octets) => Broken(section, gist, first: false, octets);

    private static ConformanceCase Broken(string section, string gist, bool first, byte[] octets) => new("RFC 7541 " + section, $"{gist} is a COMPRESSION_ERROR",
        [RawFrame.Headers(1, first ? [.. octets, .. RawHpack.Block(Requests.Fields("/evil"))] : [.. RawHpack.Block(Requests.Fields("/evil")), .. octets])], Expect.ConnectionError(CompressionError));

    /// <summary>40 entries of 128 octets each.</summary>
    private static async Task FillAsync(Http2Peer peer, int stream)
    {
        var block = new List<byte>(Fine);
        for (var i = 0; i < 40; i++) block.AddRange(RawHpack.Incremental($"x-{i:D2}", new string('v', 128 - 32 - 4)));
        await peer.SendAsync(RawFrame.Headers(stream, [.. block]));
    }

    private static Func<PeerStream, IReadOnlyList<StrictMessage>, string?> Received(params (string Name, string Value)[] fields) => (_, requests) =>
        fields.Where(f => !requests.Any(r => r[f.Name] == f.Value)).Select(f => $"the backend did not get {f.Name}").FirstOrDefault();
}
