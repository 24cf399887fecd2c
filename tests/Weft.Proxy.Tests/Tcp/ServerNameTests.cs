using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Detection;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Interception;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>TLS that passes through, by the server name that it asks for, where the destination is told by CONNECT or by a redirect.</summary>
public sealed class ServerNameTests : IAsyncLifetime
{
    private const string Refused = "refused";

    private readonly TestAuthority _authority = new();
    private readonly Dictionary<string, OpenSslServer> _servers = [];

    public async ValueTask InitializeAsync()
    {
        foreach (var name in (string[])["exact", "deep", "wide", "rest"]) _servers[name] = await OpenSslServer.StartAsync(_authority, name);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values) server.Dispose();
        return ValueTask.CompletedTask;
    }

    private ProxyUnderTest Vault(ProxyUnderTest proxy, string? others = null, string? http = null)
    {
        foreach (var (name, server) in _servers) proxy.Cluster(name, [server.Address]);
        return proxy.ServerNameService("vault.default:443", (others, http), ("a.deep.example.org", "exact"), ("*.deep.example.org", "deep"), ("*.example.org", "wide"));
    }

    /// <summary>Which of the servers answered, by its certificate and by what it does.</summary>
    private static string Answered(string printed)
    {
        if (!printed.Contains("olleh", StringComparison.Ordinal)) return Refused;
        var at = printed.IndexOf("subject=CN", StringComparison.Ordinal);
        return printed[(at + 10)..].TrimStart(' ', '=').Split('\n')[0];
    }

    private static Task<string> ConnectAsync(ProxyUnderTest proxy, string serverName) => OpenSslClient.TalkAsync("hello",
        ["-proxy", proxy.Address.ToString(), "-connect", "vault:443", .. serverName.Length == 0 ? (string[])["-noservername"] : ["-servername", serverName]]);

    [Fact]
    public async Task Through_CONNECT_the_most_precise_name_decides_and_a_name_that_no_route_has_goes_nowhere()
    {
        await using var proxy = Vault(new ProxyUnderTest().ListenForward());
        var printed = await Task.WhenAll(
            ConnectAsync(proxy, "a.deep.example.org"), ConnectAsync(proxy, "b.deep.example.org"), ConnectAsync(proxy, "A.EXAMPLE.org"),
            ConnectAsync(proxy, "example.org"), ConnectAsync(proxy, "other.test"), ConnectAsync(proxy, ""));

        printed.Select(Answered).ShouldBe(["exact", "deep", "wide", Refused, Refused, Refused]);
        proxy.Metric("weft_connections_refused_total{reason=\"no-route\"}").ShouldBe(3);
        (await proxy.RentedAsync()).ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Through_CONNECT_what_has_no_name_follows_the_route_for_all_where_there_is_one()
    {
        await using var proxy = Vault(new ProxyUnderTest().ListenForward(), others: "rest");
        var printed = await Task.WhenAll(ConnectAsync(proxy, "b.example.org"), ConnectAsync(proxy, "other.test"), ConnectAsync(proxy, ""));

        printed.Select(Answered).ShouldBe(["wide", "rest", "rest"]);
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>Nobody has said what the port carries: requests, and TLS by its name.</summary>
    [Theory]
    [InlineData(null, Refused)]
    [InlineData("rest", "rest")]
    public async Task Through_CONNECT_requests_are_served_beside_TLS_where_the_port_declares_nothing(string? others, string unnamed)
    {
        await using var web = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = Vault(new ProxyUnderTest().ListenForward(), others, "web").Cluster("web", [web.Address]);
        (await Task.WhenAll(ConnectAsync(proxy, "b.deep.example.org"), ConnectAsync(proxy, "other.test"))).Select(Answered).ShouldBe(["deep", unnamed]);

        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("CONNECT vault:443 HTTP/1.1\r\nHost: vault:443\r\n\r\nGET / HTTP/1.1\r\nHost: vault:443\r\n\r\n");
        (await client.ReadAsync(39)).ShouldEndWith("\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Through_CONNECT_plaintext_is_granted_and_reset()
    {
        await using var proxy = Vault(new ProxyUnderTest().ListenForward());
        using var client = await TcpPeer.ConnectAsync(proxy.Address);
        await client.SendAsync("CONNECT vault:443 HTTP/1.1\r\nHost: vault:443\r\n\r\n");
        (await client.ReadAsync(39)).ShouldBe("HTTP/1.1 200 Connection Established\r\n\r\n");
        await client.SendAsync("GET / HTTP/1.1\r\n\r\n");
        (await client.IsResetAsync()).ShouldBeTrue();
        (await proxy.RentedAsync()).ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Through_CONNECT_a_hello_in_pieces_arrives_whole_and_unchanged(bool http2)
    {
        var hello = await ClientHelloPeekTests.RealHello("b.example.org", ["x"]);
        using var server = new TcpServer();
        await using var proxy = new ProxyUnderTest().Cluster("wide", [server.Address]).ServerNameService("vault.default:443", default, ("*.example.org", "wide")).ListenForward();
        using var h1 = http2 ? null : await TcpPeer.ConnectAsync(proxy.Address);
        using var h2 = http2 ? await Http2Peer.ConnectAsync(proxy.Address) : null;
        // The first piece comes with the CONNECT itself.
        if (http2) await h2!.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":method", "CONNECT"), (":authority", "vault:443")]), end: false), RawFrame.Data(1, hello[..1]));
        else await h1!.SendAsync((byte[])[.. "CONNECT vault:443 HTTP/1.1\r\nHost: vault:443\r\n\r\n"u8, hello[0]]);
        foreach (var piece in hello.Skip(1).Chunk(100))
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
            if (http2) await h2!.SendAsync(RawFrame.Data(1, piece));
            else await h1!.SendAsync(piece);
        }

        using var upstream = await server.AcceptAsync();
        (await upstream.ReadAsync(hello.Length)).ShouldBe(System.Text.Encoding.Latin1.GetString(hello));
        await upstream.SendAsync("answer");
        if (http2) await h2!.UntilAsync(p => p.Stream(1).Text == "answer");
        else (await h1!.ReadAsync(39 + 6)).ShouldEndWith("answer");
        upstream.End();
        if (http2) await h2!.SendAsync(RawFrame.Data(1, "", end: true));
        else h1!.End();
        (await upstream.ReadToEndAsync()).ShouldBe("");
        (await proxy.RentedAsync()).ShouldBe(0);
        proxy.Connections().Single().Totals.ReceivedBytes.ShouldBe(hello.Length);
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Through_CONNECT_a_hello_that_is_too_long_or_does_not_come_is_reset()
    {
        await using var proxy = Vault(new ProxyUnderTest()).ListenForward(filtersTimeout: TimeSpan.FromMilliseconds(300));
        using var silent = await TcpPeer.ConnectAsync(proxy.Address);
        await silent.SendAsync("CONNECT vault:443 HTTP/1.1\r\nHost: vault:443\r\n\r\n");
        (await silent.ReadAsync(39)).ShouldEndWith("\r\n\r\n");
        (await silent.IsResetAsync()).ShouldBeTrue();

        using var endless = await TcpPeer.ConnectAsync(proxy.Address);
        await endless.SendAsync("CONNECT vault:443 HTTP/1.1\r\nHost: vault:443\r\n\r\n");
        (await endless.ReadAsync(39)).ShouldEndWith("\r\n\r\n");
        await endless.SendAsync((byte[])[22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]); // a message of 65,535 bytes
        (await endless.IsResetAsync()).ShouldBeTrue();
        (await proxy.RentedAsync()).ShouldBe(0);
        proxy.Faults.ShouldBeEmpty();
    }

    private const string VirtualAddress = "240.240.0.7";

    private static async Task<string> RedirectedAsync(TestNamespace inside, params string[] serverName)
    {
        using var process = inside.Start(Tool.Require("openssl", "openssl"), ["s_client", "-connect", $"{VirtualAddress}:443", .. serverName]);
        return Answered(await OpenSslClient.TalkAsync(process, "hello"));
    }

    [Theory]
    [InlineData(null, null, Refused)]
    [InlineData("rest", null, "rest")]
    [InlineData(null, "web", Refused)]
    [InlineData("rest", "web", "rest")]
    public async Task A_redirected_connection_goes_by_its_server_name(string? others, string? http, string unnamed)
    {
        using var inside = new TestNamespace();
        await using var web = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = Vault(InterceptionTests.Intercept(inside), others, http).Cluster("web", [web.Address]).Name("vault", "default", VirtualAddress);

        (await Task.WhenAll(
            RedirectedAsync(inside, "-servername", "a.deep.example.org"), RedirectedAsync(inside, "-servername", "b.deep.example.org"), RedirectedAsync(inside, "-servername", "a.example.org"),
            RedirectedAsync(inside, "-servername", "other.test"), RedirectedAsync(inside, "-noservername"))).ShouldBe(["exact", "deep", "wide", unnamed, unnamed]);

        var (code, answer) = await inside.RunAsync(Tool.Require("curl", "curl"), "-sS", "--max-time", "5", $"http://{VirtualAddress}:443/");
        if (http is not null) (code, answer).ShouldBe((0, "ok"));
        else if (others is null) code.ShouldBe(56, "a reset: " + answer);
        proxy.Faults.ShouldBeEmpty();
    }
}
