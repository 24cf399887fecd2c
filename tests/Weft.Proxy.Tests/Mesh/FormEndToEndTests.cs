using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Upstream;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>What an application sent arrives as it sent it, through two proxies, whatever the two speak with each other.</summary>
public sealed class FormEndToEndTests
{
    private const string H1 = "weft-h1", H2 = "weft-h2";

    /// <summary>What the caller's proxy offers, what the called one takes.</summary>
    public static TheoryData<string[], string[]> Pairs => new()
    {
        { [H2, H1], [H2, H1] },
        { [H1], [H2, H1] }, // a caller from before HTTP/2, or meshProtocol: Http1
        { [H2, H1], [H1] }, // and a called one
        { [H1], [H1] },
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Http1_arrives_as_it_was_written_and_so_does_its_answer(string[] caller, string[] called)
    {
        await using var application = ScriptedBackend.Answering(
            "HTTP/1.1 404 Nothing Here, Sorry\r\nContent-Type: text/plain\r\nETag: \"x\"\r\nx-lower: 1\r\nSET-COOKIE: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 4\r\n\r\ngone");
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = caller, CalledAlpn = called }, application.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        for (var i = 0; i < 3; i++) // the second and third go by what the first has put into tables
        {
            await client.SendAsync("GET /a?b=c HTTP/1.1\r\nHost: catalog\r\nUser-Agent: test\r\nDNT: 1\r\nsec-ch-ua: x\r\nX-REPEATED: 1\r\nx-repeated: 2\r\nX-Repeated: 3\r\n\r\n");
            var answer = await client.ReadResponseAsync();

            answer.StatusLine.ShouldBe("HTTP/1.1 404 Nothing Here, Sorry");
            answer.Body.ShouldBe("gone");
            answer.Fields.Select(f => $"{f.Name}: {f.Value}").ShouldBe(["Content-Type: text/plain", "ETag: \"x\"", "x-lower: 1", "SET-COOKIE: a=1", "Set-Cookie: b=2", "Content-Length: 4"], ignoreOrder: false);
        }
        foreach (var request in application.Requests)
        {
            request.ShouldStartWith("GET /a?b=c HTTP/1.1\r\nHost: catalog\r\nUser-Agent: test\r\nDNT: 1\r\nsec-ch-ua: x\r\nX-REPEATED: 1\r\nx-repeated: 2\r\nX-Repeated: 3\r\n");
            request.ShouldNotContain("x-weft", Case.Insensitive);
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Http2_arrives_as_Http2(string[] caller, string[] called)
    {
        await using var application = Http2Backend.Answering();
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = caller, CalledAlpn = called }, application.Address);

        (await Command.RunAsync("curl", "-sS", "--http2-prior-knowledge", "-H", "X-Case: y", "-w", "|%{http_version}|%{http_code}", $"http://{pair.Caller}/1?x=y")).ShouldBe("hello|2|200");

        var request = application.Requests.ShouldHaveSingleItem();
        request[":path"].ShouldBe("/1?x=y");
        request[":scheme"].ShouldBe("http");
        request[":authority"].ShouldBe(pair.Caller.ToString());
        request["x-case"].ShouldBe("y");
        request.Fields.ShouldAllBe(f => !f.StartsWith("x-weft", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task Trailers_arrive_both_ways(string[] caller, string[] called)
    {
        var received = "";
        await using var application = new ScriptedBackend(async c =>
        {
            while (!received.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal) && !received.Contains("8\r\n\r\n", StringComparison.Ordinal)) received += await c.ReadBytesAsync(1);
            await c.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nx-odd-ONE: 2\r\n\r\n");
        });
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = caller, CalledAlpn = called }, application.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        await client.SendAsync("POST / HTTP/1.1\r\nHost: catalog\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Check: 7\r\nMIXED-case: 8\r\n\r\n");
        var answer = await client.ReadResponseAsync();

        answer.Body.ShouldBe("ok|trailer X-Sum: 1|trailer x-odd-ONE: 2");
        received.ShouldEndWith("3\r\nabc\r\n0\r\nX-Check: 7\r\nMIXED-case: 8\r\n\r\n");
    }
}
