using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>What must hold for every input, not for chosen ones.</summary>
public sealed class CodecPropertiesTests
{
    private static readonly string[] _corpus =
    [
        "GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
        "\r\nPOST http://a:80/x HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nConnection: x, close\r\nx: 1\r\n\r\nhelloX",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\nTE: trailers\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\ntunnel",
    ];

    [Fact]
    public void Requests_read_the_same_however_they_are_cut()
    {
        foreach (var input in _corpus.Select(MessageStream.Bytes)) AssertCutsAgree(cuts => MessageStream.Requests(input, cuts).ToString(), input.Length);
    }

    [Fact]
    public void Responses_read_the_same_however_they_are_cut()
    {
        string[] corpus =
        [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nuntil the end",
            "HTTP/1.1 204 X\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 2000 X\r\n\r\n",
        ];
        foreach (var input in corpus.Select(MessageStream.Bytes))
            AssertCutsAgree(cuts => MessageStream.Responses(input, RequestKind.Other, closes: true, cuts).ToString(), input.Length);
    }

    [Fact]
    public void Independent_cases_read_the_same_however_they_are_cut()
    {
        foreach (var one in MessageCase.Load("http1-requests.json").Where(one => one.Input.Length < 2000))
            AssertCutsAgree(cuts => MessageStream.Requests(one.Input, cuts).ToString(), one.Input.Length);
        foreach (var one in MessageCase.Load("http1-responses.json").Where(one => one.Input.Length < 2000))
            AssertCutsAgree(cuts => MessageStream.Responses(one.Input, RequestKind.Other, one.Text("then") == "close", cuts).ToString(), one.Input.Length);
    }

    [Fact]
    public void Limits_act_the_same_however_the_bytes_are_cut()
    {
        var limits = new Http1Limits { MaxHeadBytes = 60, MaxRequestLineBytes = 30, MaxFields = 3, MaxChunkLineBytes = 8, MaxTrailerBytes = 20, MaxChunkOverheadBytes = 10 };
        var inputs = new List<string>();
        for (var length = 10; length < 70; length++)
        {
            inputs.Add("GET /".PadRight(length, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n");
            inputs.Add("GET / HTTP/1.1\r\nHost: a\r\nX: ".PadRight(length, 'x') + "\r\n\r\n");
            inputs.Add("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;".PadRight(50 + length, 'x') + "\r\nx\r\n0\r\n\r\n");
        }
        foreach (var input in inputs.Select(MessageStream.Bytes))
            AssertCutsAgree(cuts => MessageStream.Requests(input, cuts, limits).ToString(), input.Length);
    }

    [Fact]
    public void What_is_accepted_and_written_is_read_back_the_same()
    {
        var random = new Random(11);
        var accepted = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var input = MessageStream.Bytes(RandomRequest(random));
            var first = MessageStream.Requests(input);
            if (first.Forwarded.Count == 0 || first.Messages[0].Authority.Length == 0) continue;
            accepted++;
            var second = MessageStream.Requests(first.Forwarded[0]);
            second.Messages.ShouldHaveSingleItem().Meaning.ShouldBe(first.Messages[0].Meaning);
            second.Leftover.ShouldBe(0);
            second.Forwarded[0].ShouldBe(first.Forwarded[0]);
        }
        accepted.ShouldBeGreaterThan(5_000);
    }

    [Fact]
    public void Warm_parsing_and_writing_allocates_nothing()
    {
        var request = MessageStream.Bytes(
            "POST /a/%7Eb/../c?d HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: x\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n5;e=f\r\nhello\r\n0\r\nX-T: 1\r\nHost: b\r\n\r\n");
        var response = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"u8.ToArray();
        var head = new Http1Head();
        var answer = new Http1Head();
        var output = new byte[1024];
        var path = new byte[256];
        for (var i = 0; i < 100; i++) Exchange();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) Exchange();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Exchange()
        {
            if (Http1Parser.ParseRequest(request.AsSpan(0, 40), Http1Limits.Default, head, out _) != ParseStatus.NeedMore) throw new InvalidOperationException();
            if (Http1Parser.ParseRequest(request, Http1Limits.Default, head, out _) != ParseStatus.Done) throw new InvalidOperationException();
            if (head.NormalizePath(request, path, PathPolicy.Base, out var length, out _) != PathStatus.Rewritten) throw new InvalidOperationException();
            var writer = new HeadWriter(output);
            writer.RequestLine(head.Method(request), path.AsSpan(0, length));
            writer.Host(head.Authority(request));
            writer.EndToEndFields(request, head.Fields);
            writer.Chunked();
            writer.End();
            if (writer.Status != WriteStatus.Ok) throw new InvalidOperationException();
            if (!Drain(head, request)) throw new InvalidOperationException();
            if (Http1Parser.ParseResponse(response, RequestKind.Other, Http1Limits.Default, answer, out _) != ParseStatus.Done) throw new InvalidOperationException();
            if (!Drain(answer, response)) throw new InvalidOperationException();
        }

        static bool Drain(Http1Head head, byte[] message)
        {
            var body = new BodyReader(head, Http1Limits.Default);
            var rest = message.AsSpan(head.Length);
            while (true)
            {
                var status = body.Read(rest, out var consumed, out _);
                rest = rest[consumed..];
                if (status != BodyStatus.Data) return status == BodyStatus.End;
            }
        }
    }

    private static string RandomRequest(Random random)
    {
        string Pick(params string[] choices) => choices[random.Next(choices.Length)];
        var text = $"{Pick("GET", "POST", "HEAD", "OPTIONS", "X-Y")} {Pick("/", "/a/../b%41?c", "/a\\b", "http://h:1/x", "http://h?q", "http://h", "/%zz")} HTTP/1.{Pick("0", "1", "1", "1")}\r\n";
        text += Pick("Host: a\r\n", "host:a:81\r\n", "HOST:  [::1] \r\n");
        for (var i = random.Next(6); i > 0; i--)
            text += Pick("X-A: 1\r\n", "x-b:\r\n", "X-C: \u00e4 \t b\t\r\n", "Connection: x-a\r\n", "Connection: close\r\n", "TE: trailers\r\n", "Cookie: a=b\r\n", "Bad : 1\r\n");
        return text + Pick(
            "\r\n", "\r\n", "Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nT: 1\r\nCookie: x\r\n\r\n");
    }

    private static void AssertCutsAgree(Func<IEnumerable<int>, string> read, int length)
    {
        var whole = read([]);
        read(Enumerable.Range(1, Math.Max(0, length - 1))).ShouldBe(whole, "byte by byte");
        for (var cut = 1; cut < length; cut++) read([cut]).ShouldBe(whole, $"cut at {cut}");
    }
}
