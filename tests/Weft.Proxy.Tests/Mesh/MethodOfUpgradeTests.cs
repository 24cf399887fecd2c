using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>
/// <c>x-weft-method</c>: an upgrade of another method than GET travels between proxies as extended CONNECT and takes its method along. Nobody else may say it, and it never makes
/// another kind of request.
/// </summary>
public sealed class MethodOfUpgradeTests
{
    /// <summary>An HTTP/1 application that refuses every upgrade, and takes each method at its word: what it does for CONNECT and HEAD leaves the next request elsewhere than after GET.</summary>
    private static ScriptedBackend Application() => new(async c =>
    {
        while (await c.ReadRequestAsync() is { } request)
        {
            if (request.StartsWith("CONNECT ", StringComparison.Ordinal))
            {
                await c.SendAsync("HTTP/1.1 200 Connection Established\r\n\r\n");
                while (await c.ReadBytesAsync(1) is not null) { } // a tunnel: what comes now is no request
            }
            await c.SendAsync($"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{(request.StartsWith("HEAD ", StringComparison.Ordinal) ? "" : "no")}");
        }
    });

    private static MeshPair Pair(ScriptedBackend application) =>
        MeshPair.Start(new MeshPairOptions { Permissive = true, CalledProtocol = MeshPair.Http1 }, application.Address);

    [Theory]
    [InlineData("POST", "POST")] // what it is for
    [InlineData("CONNECT", "GET")]
    [InlineData("HEAD", "GET")]
    [InlineData("GET /evil", "GET")]
    [InlineData("", "GET")]
    public async Task A_peers_word_is_taken_for_a_method_that_can_be_upgraded(string said, string method)
    {
        await using var application = Application();
        await using var pair = Pair(application);
        using var http = Client(async (_, _) => await pair.ConnectAsync("weft-h2", "caller"));

        await RefusedAsync(http, "http://called/chat", said);
        await NextIsServedAsync(http, "http://called/next");

        Methods(application).ShouldBe([$"{method} /chat HTTP/1.1", "GET /next HTTP/1.1"]);
    }

    [Theory]
    [InlineData("plaintext")]
    [InlineData("tls")] // without an identity, which a permissive listener lets pass
    [InlineData("tls with an identity and no proxy")]
    public async Task A_strangers_word_is_not_taken(string stranger)
    {
        await using var application = Application();
        await using var pair = Pair(application);
        using var http = Client(async (_, stop) =>
        {
            if (stranger != "plaintext") return await pair.ConnectAsync("h2", stranger == "tls" ? null : "caller");
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(pair.Called(), stop);
            return new NetworkStream(socket, ownsSocket: true);
        });

        foreach (var said in (string[])["DELETE", "CONNECT", "HEAD"]) await RefusedAsync(http, "http://called/chat", said);
        await NextIsServedAsync(http, "http://called/next");

        Methods(application).ShouldBe([.. Enumerable.Repeat("GET /chat HTTP/1.1", 3), "GET /next HTTP/1.1"]);
        application.Requests.ShouldAllBe(r => !r.Contains("x-weft", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task An_applications_own_word_stays_at_its_sidecar()
    {
        await using var application = Application();
        await using var pair = Pair(application);
        using var http = Client(async (_, stop) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(pair.Caller, stop);
            return new NetworkStream(socket, ownsSocket: true);
        });

        foreach (var said in (string[])["DELETE", "CONNECT", "HEAD"]) await RefusedAsync(http, "http://called/chat", said);

        Methods(application).ShouldBe(Enumerable.Repeat("GET /chat HTTP/1.1", 3));
    }

    /// <summary>HEAD with an Upgrade is answered as HEAD: it has no body to switch from, so that the wish is ignored (RFC 9110 section 7.8), not the method.</summary>
    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task HEAD_with_an_upgrade_arrives_as_HEAD(string alpn)
    {
        await using var application = Application();
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        await client.SendAsync("HEAD /page HTTP/1.1\r\nHost: called\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        var answer = await client.ReadResponseAsync(head: true);

        (answer.Status, answer["content-length"]).ShouldBe((404, "2"));
        Methods(application).ShouldBe(["HEAD /page HTTP/1.1"]);
    }

    private static async Task RefusedAsync(HttpClient http, string address, string said)
    {
        using var request = new HttpRequestMessage(HttpMethod.Connect, address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Protocol = "websocket";
        request.Headers.TryAddWithoutValidation("sec-websocket-version", "13").ShouldBeTrue();
        request.Headers.TryAddWithoutValidation("x-weft-method", said).ShouldBeTrue();
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe("no");
    }

    private static async Task NextIsServedAsync(HttpClient http, string address)
    {
        using var answer = await http.GetAsync(new Uri(address), TestContext.Current.CancellationToken);
        (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe((HttpStatusCode.NotFound, "no"));
    }

    /// <summary>HTTP/2 with prior knowledge on whatever <paramref name="connect"/> gives.</summary>
    private static HttpClient Client(Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect) => new(new SocketsHttpHandler { UseProxy = false, ConnectCallback = connect })
    {
        DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact, Timeout = TimeSpan.FromSeconds(15),
    };

    private static List<string> Methods(ScriptedBackend application)
    {
        lock (application.Requests) return [.. application.Requests.Select(r => r.Split("\r\n")[0])];
    }
}
