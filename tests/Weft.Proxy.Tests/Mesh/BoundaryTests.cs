using System.Net;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Upstream;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>Who is no Weft proxy with a mesh identity says <c>x-weft-*</c> in vain: nothing of it is believed, and nothing of it is passed on.</summary>
public sealed class BoundaryTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// <summary>A deadline that has passed, another protocol and other names, another caller, a fault, and whatever a later version may invent.</summary>
    private static readonly (string Name, string Value)[] Forged =
    [
        ("x-weft-deadline", "0"), ("X-Weft-Form", "2"), ("x-weft-form", "1t,X-EVIL"), ("x-weft-source", "default/admin@v9"), ("x-weft-fault", "unprocessed"),
        ("x-weft-id", "forged"), ("x-weft-tomorrow", "1"), ("X-WEFT-ANY", "1"),
    ];

    private static readonly string Lines = string.Concat(Forged.Select(f => $"{f.Name}: {f.Value}\r\n"));

    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task An_application_cannot_forge_at_its_own_sidecar(string alpn)
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);

        using var client = await RawClient.ConnectAsync(pair.Caller);
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\n{Lines}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-weft-source: default/admin\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);

        Clean(application.Requests.ShouldHaveSingleItem()).ShouldStartWith("POST / HTTP/1.1");
        await SourceShouldBeAsync(pair, "default/caller");
    }

    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task An_application_cannot_forge_over_Http2_at_its_own_sidecar(string alpn)
    {
        await using var application = Http2Backend.Answering();
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);

        (await AskHttp2Async($"http://{pair.Caller}/")).ShouldBe((200, "hello"));

        Clean(application.Requests.ShouldHaveSingleItem());
        await SourceShouldBeAsync(pair, "default/caller");
    }

    [Fact]
    public async Task Plaintext_at_an_inbound_listener_cannot_forge()
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(new MeshPairOptions { Permissive = true }, application.Address);

        using var client = await RawClient.ConnectAsync(pair.Called());
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{Lines}\r\n");
        var answer = await client.ReadResponseAsync();

        answer.Status.ShouldBe(200);
        answer["x-weft-form"].ShouldBeNull();
        Clean(application.Requests.ShouldHaveSingleItem()).ShouldStartWith("GET / HTTP/1.1");
        await SourceShouldBeAsync(pair, null);
    }

    [Fact]
    public async Task Plaintext_Http2_at_an_inbound_listener_cannot_forge()
    {
        await using var application = Http2Backend.Answering();
        await using var pair = MeshPair.Start(new MeshPairOptions { Permissive = true }, application.Address);

        (await AskHttp2Async($"http://{pair.Called()}/")).ShouldBe((200, "hello"));

        Clean(application.Requests.ShouldHaveSingleItem());
        await SourceShouldBeAsync(pair, null);
    }

    [Fact]
    public async Task Tls_without_a_mesh_identity_cannot_forge()
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(new MeshPairOptions { Permissive = true }, application.Address);

        var answer = await pair.AskAsync("http/1.1", identity: null, $"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{Lines}\r\n");

        answer.ShouldStartWith("HTTP/1.1 200 OK");
        Clean(application.Requests.ShouldHaveSingleItem()).ShouldStartWith("GET / HTTP/1.1");
        await SourceShouldBeAsync(pair, null);
    }

    [Fact]
    public async Task Http2_over_tls_without_a_mesh_identity_cannot_forge()
    {
        await using var application = Http2Backend.Answering();
        await using var pair = MeshPair.Start(new MeshPairOptions { Permissive = true }, application.Address);

        (await AskHttp2Async($"https://{pair.Called()}/")).ShouldBe((200, "hello"));

        Clean(application.Requests.ShouldHaveSingleItem());
        await SourceShouldBeAsync(pair, null);
    }

    [Fact]
    public async Task A_mesh_identity_does_not_speak_for_another_namespace()
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(application.Address);

        (await pair.AskAsync("weft-h1", "someone", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-weft-source: payments/ledger\r\n\r\n")).ShouldStartWith("HTTP/1.1 200 OK");

        await SourceShouldBeAsync(pair, null);
    }

    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task The_responding_application_cannot_forge(string alpn)
    {
        // 503 with the mark would have the caller's proxy send the request again, elsewhere or here.
        await using var application = ScriptedBackend.Answering($"HTTP/1.1 503 Service Unavailable\r\n{Lines}x-weft-form: t;\"Forged\"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nx-weft-fault: denied\r\n\r\n");
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);

        using var client = await RawClient.ConnectAsync(pair.Caller);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
        var answer = await client.ReadResponseAsync();

        answer.StatusLine.ShouldBe("HTTP/1.1 503 Service Unavailable");
        answer.Body.ShouldBe("no");
        answer.Fields.ShouldAllBe(f => !f.Name.StartsWith("x-weft", StringComparison.OrdinalIgnoreCase));
        application.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task The_responding_application_cannot_forge_over_Http2(string alpn)
    {
        await using var application = Http2Backend.Serving(async (c, request) =>
        {
            await c.HeadAsync(request.Stream, false, [(":status", "503"), .. Forged.Select(f => (f.Name.ToLowerInvariant(), f.Value))]);
            await c.DataAsync(request.Stream, "no", end: true);
        });
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);

        using var http = Http2Client();
        using var answer = await http.GetAsync(new Uri($"http://{pair.Caller}/"), TestContext.Current.CancellationToken);

        ((int)answer.StatusCode).ShouldBe(503);
        answer.Headers.ShouldAllBe(h => !h.Key.StartsWith("x-weft", StringComparison.OrdinalIgnoreCase));
        application.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Of_a_peers_own_answer_the_caller_reads_the_fault_and_its_id_and_nothing_else()
    {
        var closed = new IPEndPoint(IPAddress.Loopback, 1);
        await using var pair = MeshPair.Start(new MeshPairOptions { Action = "\"timeout\": \"0s\"" }, closed);

        using var client = await RawClient.ConnectAsync(pair.Caller);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();

        answer.Status.ShouldBeOneOf(502, 503);
        answer.Fields.Where(f => f.Name.StartsWith("x-weft", StringComparison.OrdinalIgnoreCase)).Select(f => f.Name).ShouldBe(["x-weft-fault", "x-weft-id"], ignoreOrder: true);
        answer["x-weft-fault"].ShouldNotBe("unprocessed", "that is between proxies");
    }

    private static string Clean(string request)
    {
        request.ShouldNotContain("x-weft", Case.Insensitive);
        return request;
    }

    private static void Clean(BackendRequest request) => request.Fields.ShouldAllBe(f => !f.StartsWith("x-weft", StringComparison.OrdinalIgnoreCase));

    /// <summary>Who the called proxy believes to have called, in its metrics.</summary>
    private static async Task SourceShouldBeAsync(MeshPair pair, string? source)
    {
        var keys = new List<SeriesKey>();
        for (var i = 0; i < 100 && keys.Count == 0; i++) // the record is made when the exchange ends, a moment behind its last byte
        {
            keys = [.. pair.CalledRequests.Select(r => r.Key)];
            if (keys.Count == 0) await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        var key = keys.ShouldHaveSingleItem();
        (key.Status, key.Fault).ShouldBe((200, Fault.None));
        if (source is null) key.Edge.Source.ShouldNotBeOneOf("default/admin", "payments/ledger");
        else key.Edge.Source.ShouldBe(source);
    }

    private static async Task<(int Status, string Body)> AskHttp2Async(string address)
    {
        using var http = Http2Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, address) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        foreach (var (name, value) in Forged) request.Headers.TryAddWithoutValidation(name, value).ShouldBeTrue();
        using var answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        answer.Headers.ShouldAllBe(h => !h.Key.StartsWith("x-weft", StringComparison.OrdinalIgnoreCase));
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static HttpClient Http2Client() => new(new SocketsHttpHandler { UseProxy = false, SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } })
    {
        DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };
}
