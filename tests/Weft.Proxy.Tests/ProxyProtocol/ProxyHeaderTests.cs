using System.Net;
using System.Text;
using Shouldly;
using Weft.Proxy.ProxyProtocol;
using Weft.Routing.Listeners;
using Xunit;

namespace Weft.Proxy.Tests.ProxyProtocol;

public sealed class ProxyHeaderTests
{
    private const int MaxBytes = 4096;

    /// <summary>The specification's own examples and longest lines (section 2.1).</summary>
    [Theory]
    [InlineData("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324", "192.168.0.11:443")]
    [InlineData("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535")]
    [InlineData("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")]
    [InlineData("PROXY TCP6 ::1 2001:db8::7 0 80\r\n", "[::1]:0", "[2001:db8::7]:80")]
    [InlineData("PROXY TCP6 ::ffff:10.0.0.1 2001:db8::7 1 80\r\n", "10.0.0.1:1", "[2001:db8::7]:80")]
    public void Version_1_names_client_and_destination(string line, string source, string destination)
    {
        Read(line + "GET / HTTP/1.1", out var header).ShouldBe(ProxyHeaderStatus.Valid);
        header.ShouldBe(new ProxyHeader(1, line.Length, IPEndPoint.Parse(source), IPEndPoint.Parse(destination)));
    }

    [Theory]
    [InlineData("PROXY UNKNOWN\r\n")]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n")]
    [InlineData("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n")] // 107 bytes, the longest
    public void Version_1_that_does_not_know_says_nothing_of_the_client(string line)
    {
        Read(line + "x", out var header).ShouldBe(ProxyHeaderStatus.Valid);
        header.ShouldBe(new ProxyHeader(1, line.Length));
    }

    [Theory]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", ProxyHeaderStatus.NeedMore)] // a line ends with CRLF
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3.4.5 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 0x7f.1 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 256.2.3.4 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 ::1 ::1 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP6 fe80::1%1 ::1 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP6 [::1] ::1 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY \r\n", ProxyHeaderStatus.Malformed)]
    [InlineData("PROXY\r\n", ProxyHeaderStatus.Absent)]
    [InlineData("proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", ProxyHeaderStatus.Absent)]
    [InlineData("PROPFIND / HTTP/1.1\r\n", ProxyHeaderStatus.Absent)]
    [InlineData("GET / HTTP/1.1\r\n", ProxyHeaderStatus.Absent)]
    [InlineData("\r\nGET / HTTP/1.1\r\n", ProxyHeaderStatus.Absent)]
    [InlineData("PROX", ProxyHeaderStatus.NeedMore)]
    [InlineData("", ProxyHeaderStatus.NeedMore)]
    public void Version_1_is_taken_in_its_one_form_only(string line, ProxyHeaderStatus expected) => Read(line, out _).ShouldBe(expected);

    [Fact]
    public void A_line_that_does_not_end_is_given_up_at_its_longest_length()
    {
        Read("PROXY UNKNOWN " + new string('x', 92), out _).ShouldBe(ProxyHeaderStatus.NeedMore);
        Status(Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 93)), out _, out var reason).ShouldBe(ProxyHeaderStatus.Malformed);
        reason.ShouldBe("its line does not end within 107 bytes");
    }

    [Fact]
    public void Version_2_names_client_and_destination_and_its_TLVs_are_skipped()
    {
        byte[] four = V2(0x21, 0x11, [10, 0, 0, 1, 10, 0, 0, 2, 0xDC, 0x04, 0x01, 0xBB]);
        Status([.. four, 1, 2, 3], out var header, out _).ShouldBe(ProxyHeaderStatus.Valid);
        header.ShouldBe(new ProxyHeader(2, 28, IPEndPoint.Parse("10.0.0.1:56324"), IPEndPoint.Parse("10.0.0.2:443")));

        byte[] six = V2(0x21, 0x21, [.. IPAddress.Parse("2001:db8::1").GetAddressBytes(), .. IPAddress.Parse("::ffff:10.0.0.2").GetAddressBytes(), 0, 1, 0, 80, /* TLVs: ALPN, NOOP */ 1, 0, 2, 104, 50, 4, 0, 0]);
        Status(six, out header, out _).ShouldBe(ProxyHeaderStatus.Valid);
        header.ShouldBe(new ProxyHeader(2, 60, IPEndPoint.Parse("[2001:db8::1]:1"), IPEndPoint.Parse("10.0.0.2:80")));
    }

    [Theory]
    [InlineData(0x20, 0x00, 0)] // LOCAL
    [InlineData(0x20, 0xFF, 3)] // LOCAL: the rest is to be discarded, whatever it says
    [InlineData(0x21, 0x00, 0)] // UNSPEC
    [InlineData(0x21, 0x31, 216)] // UNIX
    public void Version_2_without_an_internet_address_leaves_the_sockets_own(byte command, byte family, int length)
    {
        Status(V2(command, family, new byte[length]), out var header, out _).ShouldBe(ProxyHeaderStatus.Valid);
        header.ShouldBe(new ProxyHeader(2, 16 + length));
    }

    [Theory]
    [InlineData(0x11, 0x11, 12, "its version is 1")]
    [InlineData(0x22, 0x11, 12, "its command is 2, neither LOCAL nor PROXY")]
    [InlineData(0x21, 0x41, 12, "its family and transport are 0x41")]
    [InlineData(0x21, 0x13, 12, "its family and transport are 0x13")]
    [InlineData(0x21, 0x12, 12, "it is about datagrams")]
    [InlineData(0x21, 0x11, 11, "its 11 bytes cannot hold addresses of 12")]
    [InlineData(0x21, 0x21, 35, "its 35 bytes cannot hold addresses of 36")]
    [InlineData(0x21, 0x11, 5000, "it has 5016 bytes and 4096 are allowed (max_header_bytes)")]
    [InlineData(0x21, 0x11, 14, "a TLV in it is longer than what is left of it")]
    public void Version_2_that_breaks_its_rules_is_refused_with_one_reason(byte command, byte family, int length, string expected)
    {
        Status(V2(command, family, new byte[length]), out _, out var reason).ShouldBe(ProxyHeaderStatus.Malformed);
        reason.ShouldBe(expected);
    }

    [Fact]
    public void A_version_that_is_not_read_is_no_header()
    {
        var v1 = "PROXY UNKNOWN\r\n"u8;
        ProxyHeaderReader.Read(v1, ProxyProtocolVersions.V2, MaxBytes, out _, out _, out _).ShouldBe(ProxyHeaderStatus.Absent);
        ProxyHeaderReader.Read(V2(0x20, 0, []), ProxyProtocolVersions.V1, MaxBytes, out _, out _, out _).ShouldBe(ProxyHeaderStatus.Absent);
    }

    [Fact]
    public void What_is_written_reads_the_same_however_it_is_cut()
    {
        var random = new Random(1);
        Span<byte> bytes = stackalloc byte[ProxyHeaderWriter.MaxBytes];
        for (var round = 0; round < 300; round++)
        {
            var (source, destination) = (EndPoint(random), EndPoint(random));
            for (var version = 1; version <= 2; version++)
            {
                var length = version == 1 ? ProxyHeaderWriter.WriteV1(source, destination, bytes) : ProxyHeaderWriter.WriteV2(source, destination, bytes);
                for (var cut = 0; cut < length; cut++)
                {
                    ProxyHeaderReader.Read(bytes[..cut], ProxyProtocolVersions.Both, MaxBytes, out _, out var needed, out _).ShouldBe(ProxyHeaderStatus.NeedMore);
                    needed.ShouldBeInRange(cut + 1, length);
                }
                ProxyHeaderReader.Read(bytes[..length], ProxyProtocolVersions.Both, MaxBytes, out var header, out _, out _).ShouldBe(ProxyHeaderStatus.Valid);
                header.ShouldBe(new ProxyHeader(version, length, source, destination));
            }
        }

        static IPEndPoint EndPoint(Random random)
        {
            var address = new byte[random.Next(2) == 0 ? 4 : 16];
            random.NextBytes(address);
            if (random.Next(3) == 0) address.AsSpan(address.Length / 4, address.Length / 2).Clear(); // "::" in the middle
            return new IPEndPoint(new IPAddress(address), random.Next(65536));
        }
    }

    [Fact]
    public void Who_speaks_for_itself_says_so()
    {
        Span<byte> bytes = stackalloc byte[ProxyHeaderWriter.MaxBytes];
        Encoding.ASCII.GetString(bytes[..ProxyHeaderWriter.WriteV1(null, null, bytes)]).ShouldBe("PROXY UNKNOWN\r\n");
        bytes[..ProxyHeaderWriter.WriteV2(null, null, bytes)].ToArray().ShouldBe(V2(0x20, 0, []));
    }

    private static ProxyHeaderStatus Read(string text, out ProxyHeader header) => Status(Encoding.ASCII.GetBytes(text), out header, out _);

    private static ProxyHeaderStatus Status(ReadOnlySpan<byte> bytes, out ProxyHeader header, out string reason) =>
        ProxyHeaderReader.Read(bytes, ProxyProtocolVersions.Both, MaxBytes, out header, out _, out reason);

    private static byte[] V2(byte command, byte family, byte[] rest) =>
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family, (byte)(rest.Length >> 8), (byte)rest.Length, .. rest];
}
