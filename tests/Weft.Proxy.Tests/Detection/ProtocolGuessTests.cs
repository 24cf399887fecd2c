using System.Text;
using Shouldly;
using Weft.Proxy.Detection;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

public sealed class ProtocolGuessTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\n", ClientProtocol.Http11)]
    [InlineData("GET / HTTP/1.0\r\n", ClientProtocol.Http10)]
    [InlineData("POST http://a.example/b?c HTTP/1.1\r\nHost: a\r\n", ClientProtocol.Http11)]
    [InlineData("OPTIONS * HTTP/1.1\r\n", ClientProtocol.Http11)]
    [InlineData("CONNECT a.example:443 HTTP/1.1\r\n", ClientProtocol.Http11)]
    [InlineData("BASELINE-CONTROL /x HTTP/1.1\r\n", ClientProtocol.Http11)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", ClientProtocol.Http2)]
    [InlineData("EHLO mx.example\r\n", ClientProtocol.Bytes)]
    [InlineData("HELO mx\r\n", ClientProtocol.Bytes)]
    [InlineData("GET key\r\n", ClientProtocol.Bytes)]
    [InlineData("GET /key\r\n", ClientProtocol.Bytes)]
    [InlineData("SET key value HTTP\r\n", ClientProtocol.Bytes)]
    [InlineData("PING\r\n", ClientProtocol.Bytes)]
    [InlineData("*1\r\n$4\r\nPING\r\n", ClientProtocol.Bytes)]
    [InlineData("USER anonymous\r\n", ClientProtocol.Bytes)]
    [InlineData("GET  / HTTP/1.1\r\n", ClientProtocol.Bytes)]
    [InlineData("GET / HTTP/2.0\r\n", ClientProtocol.Bytes)]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", ClientProtocol.Bytes)]
    [InlineData("\0\0\0\x08\x04\xd2\x16\x2f", ClientProtocol.Bytes)] // PostgreSQL's SSLRequest
    [InlineData("\r\n", ClientProtocol.Bytes)]
    [InlineData(" GET / HTTP/1.1\r\n", ClientProtocol.Bytes)]
    public void Whole_beginnings_are_told_apart(string bytes, object expected) => ProtocolGuess.Of(Encoding.Latin1.GetBytes(bytes)).ShouldBe((ClientProtocol)expected);

    [Theory]
    [InlineData("GET /a/b?c=d HTTP/1.1\r\n", ClientProtocol.Http11)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ClientProtocol.Http2)]
    [InlineData("POST / HTTP/1.0\r\n", ClientProtocol.Http10)]
    [InlineData("GET key\r\n", ClientProtocol.Bytes)]
    [InlineData("GET /... HTTP/1.0\r\n", ClientProtocol.Http11)] // a target that nobody reads to its end
    [InlineData("GET /...\r\n", ClientProtocol.Http11)]
    [InlineData("GET a... HTTP/1.1\r\n", ClientProtocol.Bytes)]
    public void A_beginning_is_never_told_otherwise_than_the_whole(string text, object expected)
    {
        var bytes = Encoding.Latin1.GetBytes(text.Replace("...", new string('a', 8192), StringComparison.Ordinal));
        for (var length = 1; length <= bytes.Length; length++)
        {
            var guess = ProtocolGuess.Of(bytes.AsSpan(0, length));
            if (guess != ClientProtocol.NeedMore) guess.ShouldBe((ClientProtocol)expected, $"after {length} bytes");
        }
        ProtocolGuess.Of(bytes).ShouldBe((ClientProtocol)expected);
    }

    [Fact]
    public async Task A_client_hello_is_tls_when_it_is_whole()
    {
        var hello = await ClientHelloPeekTests.RealHello("a.example", ["h2"]);
        for (var length = 1; length < hello.Length; length++) ProtocolGuess.Of(hello.AsSpan(0, length)).ShouldBe(ClientProtocol.NeedMore, $"after {length} bytes");
        ProtocolGuess.Of(hello).ShouldBe(ClientProtocol.Tls);
    }

    [Fact]
    public void What_never_ends_is_told_all_the_same()
    {
        ProtocolGuess.Of(Encoding.ASCII.GetBytes(new string('A', 33))).ShouldBe(ClientProtocol.Bytes);
        ProtocolGuess.Of(Encoding.ASCII.GetBytes("GET /" + new string('a', 9000))).ShouldBe(ClientProtocol.Http11);
        ProtocolGuess.Of(Encoding.ASCII.GetBytes("GET " + new string('a', 9000))).ShouldBe(ClientProtocol.Bytes);
    }

    [Theory]
    [InlineData("GET /slo", true)]
    [InlineData("GET /", true)]
    [InlineData("GET ", false)]
    [InlineData("GE", false)]
    [InlineData("GET key", false)]
    public void What_there_is_no_time_to_wait_for_is_http_when_a_path_has_begun(string bytes, bool expected) => ProtocolGuess.LooksLikeHttp(Encoding.ASCII.GetBytes(bytes)).ShouldBe(expected);

    [Fact]
    public void Bytes_at_random_are_never_a_fault_and_seldom_http()
    {
        var random = new Random(11);
        for (var round = 0; round < 50_000; round++)
        {
            var bytes = new byte[random.Next(64)];
            random.NextBytes(bytes);
            ProtocolGuess.Of(bytes).IsHttp().ShouldBeFalse();
            _ = ProtocolGuess.LooksLikeHttp(bytes);
            _ = ServerGreeting.IsHttp2(bytes);
        }
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 }, true)]
    [InlineData(new byte[] { 0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100 }, true)]
    [InlineData(new byte[] { 0, 0, 17, 4, 0, 0, 0, 0, 0 }, false)]                   // no whole number of settings
    [InlineData(new byte[] { 0, 0, 0, 4, 1, 0, 0, 0, 0 }, false)]                    // an acknowledgement acknowledges nothing here
    [InlineData(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 1 }, false)]
    [InlineData(new byte[] { 0x4a, 0, 0, 0, 0x0a, (byte)'8', (byte)'.', 0, 0 }, false)] // MySQL
    [InlineData(new byte[] { (byte)'2', (byte)'2', (byte)'0', (byte)' ', (byte)'m', (byte)'x', 0, 0, 0 }, false)]
    public void Http2_servers_that_introduce_themselves_are_told_from_greetings(byte[] bytes, bool expected) => ServerGreeting.IsHttp2(bytes).ShouldBe(expected);
}
