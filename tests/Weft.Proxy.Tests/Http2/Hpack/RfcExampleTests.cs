using Shouldly;
using Weft.Proxy.Http2.Hpack;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Hpack;

/// <summary>RFC 7541 appendix C.</summary>
public sealed class RfcExampleTests
{
    private static readonly string[] _requests =
    [
        ":method: GET|:scheme: http|:path: /|:authority: www.example.com",
        ":method: GET|:scheme: http|:path: /|:authority: www.example.com|cache-control: no-cache",
        ":method: GET|:scheme: https|:path: /index.html|:authority: www.example.com|custom-key: custom-value",
    ];

    private static readonly string[] _responses =
    [
        ":status: 302|cache-control: private|date: Mon, 21 Oct 2013 20:13:21 GMT|location: https://www.example.com",
        ":status: 307|cache-control: private|date: Mon, 21 Oct 2013 20:13:21 GMT|location: https://www.example.com",
        ":status: 200|cache-control: private|date: Mon, 21 Oct 2013 20:13:22 GMT|location: https://www.example.com|content-encoding: gzip|set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ];

    [Theory] // C.1
    [InlineData("0a", 0x1f, 10)]
    [InlineData("1f9a0a", 0x1f, 1337)]
    [InlineData("2a", 0xff, 42)]
    public void Integers_read_and_write_as_in_C1(string hex, int prefix, int value)
    {
        var position = 0;
        HpackInteger.TryRead(Blocks.Hex(hex), ref position, prefix, out var read).ShouldBeTrue();
        read.ShouldBe(value);
        position.ShouldBe(hex.Length / 2);
        var written = new byte[HpackInteger.MaxBytes];
        Convert.ToHexStringLower(written.AsSpan(0, HpackInteger.Write(value, prefix, 0, written))).ShouldBe(hex);
    }

    [Theory] // C.2
    [InlineData("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header", 55, false)]
    [InlineData("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path", 0, false)]
    [InlineData("1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret", 0, true)]
    [InlineData("82", ":method: GET", 0, false)]
    public void Representations_read_as_in_C2(string hex, string line, int tableBytes, bool neverIndexed)
    {
        var decoder = new HpackDecoder(HpackLimits.Default);
        var block = new FieldBlock();
        decoder.Decode(Blocks.Hex(hex), block).ShouldBe(HpackStatus.Ok);
        block.Lines().ShouldBe([line]);
        block.Fields[0].NeverIndexed.ShouldBe(neverIndexed);
        decoder.TableBytes.ShouldBe(tableBytes);
    }

    [Fact]
    public void Requests_without_Huffman_read_as_in_C3() => AssertReads(
        4096, _requests, [57, 110, 164],
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65");

    [Fact]
    public void Requests_with_Huffman_read_as_in_C4() => AssertReads(
        4096, _requests, [57, 110, 164],
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf");

    [Fact]
    public void Responses_without_Huffman_read_as_in_C5() => AssertReads(
        256, _responses, [222, 222, 215],
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31");

    [Fact]
    public void Responses_with_Huffman_read_as_in_C6() => AssertReads(
        256, _responses, [222, 222, 215],
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07");

    private static void AssertReads(int tableBytes, string[] expected, int[] sizes, params string[] blocks)
    {
        var decoder = new HpackDecoder(HpackLimits.Default);
        if (tableBytes != DynamicTable.InitialMaxBytes)
        {
            // The examples assume the size; on the wire it is agreed on.
            decoder.SetMaxTableBytes(tableBytes);
            blocks[0] = "3fe101" + blocks[0];
        }
        for (var i = 0; i < blocks.Length; i++)
        {
            decoder.Read(Blocks.Hex(blocks[i])).ShouldBe(expected[i].Split('|'));
            decoder.TableBytes.ShouldBe(sizes[i]);
        }
    }
}
