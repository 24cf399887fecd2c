using System.Buffers.Binary;
using System.Net.Security;
using System.Text;
using Shouldly;
using Weft.Proxy.Detection;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

public sealed class ClientHelloPeekTests
{
    private static readonly string[] Protocols = ["weft-h1", "http/1.1"];

    [Fact]
    public async Task A_real_client_hello_is_read_whole_and_never_before()
    {
        var hello = await RealHello("80.Catalog.default.weft", Protocols);
        for (var length = 0; length < hello.Length; length++)
        {
            ClientHelloPeek.Inspect(hello.AsSpan(0, length), out _, out var needed).ShouldBe(PeekVerdict.NeedMore);
            needed.ShouldBeInRange(length + 1, hello.Length, "it asks for more than there is, never for more than will come");
        }
        ClientHelloPeek.Inspect(hello, out var read, out _).ShouldBe(PeekVerdict.ClientHello);
        read!.ServerName.ShouldBe("80.catalog.default.weft");
        read.ApplicationProtocols.ShouldBe(Protocols);
        ClientHelloPeek.Inspect([.. hello, 1, 2, 3], out read, out _).ShouldBe(PeekVerdict.ClientHello, "what follows is not its business");
    }

    [Fact]
    public async Task Every_split_into_two_records_reads_the_same()
    {
        var hello = await RealHello("a.example", Protocols);
        var message = hello.AsSpan(5).ToArray();
        for (var cut = 1; cut < message.Length; cut++)
        {
            byte[] bytes = [.. Record(message[..cut]), .. Record(message[cut..])];
            ClientHelloPeek.Inspect(bytes, out var read, out _).ShouldBe(PeekVerdict.ClientHello);
            read!.ServerName.ShouldBe("a.example");
            read.ApplicationProtocols.ShouldBe(Protocols);
            ClientHelloPeek.Inspect(bytes.AsSpan(0, bytes.Length - 1), out _, out var needed).ShouldBe(PeekVerdict.NeedMore);
            needed.ShouldBe(bytes.Length);
        }
    }

    [Fact]
    public async Task Records_of_one_byte_each_read_the_same_at_every_length()
    {
        var hello = await RealHello("tiny.example", Protocols);
        var bytes = hello.AsSpan(5).ToArray().SelectMany(b => Record([b])).ToArray();
        for (var length = 0; length < bytes.Length; length++)
            ClientHelloPeek.Inspect(bytes.AsSpan(0, length), out _, out var needed).ShouldBe(PeekVerdict.NeedMore, $"{length} of {bytes.Length}, needs {needed}");
        ClientHelloPeek.Inspect(bytes, out var read, out _).ShouldBe(PeekVerdict.ClientHello);
        read!.ServerName.ShouldBe("tiny.example");
    }

    [Fact]
    public async Task Asking_only_when_the_needed_bytes_are_there_takes_few_looks()
    {
        var hello = await RealHello("few.example", Protocols);
        var looks = 1;
        var at = 1;
        while (ClientHelloPeek.Inspect(hello.AsSpan(0, at), out _, out var needed) == PeekVerdict.NeedMore)
        {
            at = needed;
            looks++;
        }
        looks.ShouldBeLessThanOrEqualTo(3);
        at.ShouldBe(hello.Length);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("\u0016GET")]
    [InlineData("\u0016\u0003\u0009")]
    [InlineData("\u0015\u0003\u0001\0\u0002\u0001\0")]
    [InlineData("\u0016\u0003\u0001\0\0")]
    [InlineData("\u0016\u0003\u0001\u007f\u007f")]
    [InlineData("\u0016\u0003\u0001\0\u0004\u0002\0\0\0")]
    public void Other_first_bytes_are_not_tls(string bytes) =>
        ClientHelloPeek.Inspect(Encoding.Latin1.GetBytes(bytes), out _, out _).ShouldBe(PeekVerdict.NotTls);

    [Fact]
    public async Task No_truncation_of_an_inner_length_and_no_flipped_byte_leaves_the_bounds()
    {
        var hello = await RealHello("fuzz.example", Protocols);
        var random = new Random(3);
        for (var round = 0; round < 50_000; round++)
        {
            var bytes = hello.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var verdict = ClientHelloPeek.Inspect(bytes.AsSpan(0, random.Next(1, bytes.Length + 1)), out var read, out var needed);
            (verdict == PeekVerdict.ClientHello).ShouldBe(read is not null);
            if (verdict == PeekVerdict.NeedMore) needed.ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public void Duplicate_extensions_and_broken_lists_are_not_tls()
    {
        var name = Extension(0, [0, 4, 0, 0, 1, (byte)'a']);
        Hello(name, out var one).ShouldBe(PeekVerdict.ClientHello);
        one!.ServerName.ShouldBe("a");
        Hello([.. name, .. name], out _).ShouldBe(PeekVerdict.NotTls);
        Hello(Extension(0, [0, 5, 0, 0, 1, (byte)'a']), out _).ShouldBe(PeekVerdict.NotTls);
        Hello(Extension(0, [0, 4, 0, 0, 1, 0]), out _).ShouldBe(PeekVerdict.NotTls, "a NUL in a name ends it for some readers and not for others");
        Hello(Extension(16, [0, 1, 0]), out _).ShouldBe(PeekVerdict.NotTls);
        Hello(Extension(16, [0, 0]), out _).ShouldBe(PeekVerdict.NotTls);
        Hello([], out var bare).ShouldBe(PeekVerdict.ClientHello);
        bare!.ServerName.ShouldBe("");
        bare.ApplicationProtocols.ShouldBeEmpty();
    }

    internal static async Task<byte[]> RealHello(string serverName, IEnumerable<string> alpn)
    {
        var capture = new Capture();
        using var tls = new SslStream(capture, leaveInnerStreamOpen: true);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = serverName,
            ApplicationProtocols = [.. alpn.Select(a => new SslApplicationProtocol(a))],
        };
        await Should.ThrowAsync<IOException>(() => tls.AuthenticateAsClientAsync(options));
        return capture.Written.ToArray();
    }

    private static PeekVerdict Hello(byte[] extensions, out ClientHello? hello)
    {
        byte[] body = [3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 1, 0, (byte)(extensions.Length >> 8), (byte)extensions.Length, .. extensions];
        byte[] message = [1, 0, (byte)(body.Length >> 8), (byte)body.Length, .. body];
        return ClientHelloPeek.Inspect(Record(message), out hello, out _);
    }

    private static byte[] Extension(int type, byte[] body) => [0, (byte)type, (byte)(body.Length >> 8), (byte)body.Length, .. body];

    private static byte[] Record(byte[] payload)
    {
        var record = new byte[5 + payload.Length];
        record[0] = 22;
        record[1] = 3;
        record[2] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(3), (ushort)payload.Length);
        payload.CopyTo(record, 5);
        return record;
    }

    private sealed class Capture : Stream
    {
        public List<byte> Written { get; } = [];

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => 0;
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => Written.AddRange(buffer.AsSpan(offset, count));
    }
}
