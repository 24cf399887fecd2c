using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

/// <summary>One port for everything that may come, told apart by the first bytes of whichever side speaks.</summary>
public sealed class OnePortTests : IAsyncDisposable
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Greeting = "220 mx.example ESMTP\r\n";

    private static readonly Filter Bytes = new() { Name = "tcp", TypedConfig = Any.Pack(new TcpProxy { StatPrefix = "app", Cluster = "backend" }) };
    private static readonly Filter Detect = new() { Name = "weft.v1.detect", TypedConfig = Any.Pack(new Weft.V1.Detect { Limit = Duration.FromTimeSpan(TimeSpan.FromSeconds(5)) }) };

    private readonly TestAuthority _authority = new();
    private readonly ProxyUnderTest _proxy = new() { Direction = Envoy.Config.Core.V3.TrafficDirection.Inbound };

    private static Filter Http => ProxyUnderTest.HttpFilter(ProxyUnderTest.RouteAll());

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_permissive_port_gives_a_plaintext_client_its_greeting_although_tls_might_have_come(bool undeclared)
    {
        await using var smtp = new ScriptedBackend(async c =>
        {
            await c.SendAsync(Greeting);
            await c.ReadBytesAsync(1);
        });
        Permissive(undeclared).Cluster("backend", [smtp.Address]);
        for (var i = 0; i < 2; i++)
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            (await client.ReadAsync(Greeting.Length)).ShouldBe(Greeting);
        }
    }

    /// <summary>A proxy that is short of processor time connects, and sends its hello when it gets to it. Given the greeting, it would take that for the answer.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hello_that_is_late_is_a_hello_although_the_server_has_greeted(bool undeclared)
    {
        await using var smtp = new ScriptedBackend(async c =>
        {
            await c.SendAsync(Greeting);
            await c.ReadToEndAsync();
        });
        Permissive(undeclared).Cluster("backend", [smtp.Address]);
        var hello = await ClientHelloPeekTests.RealHello("server", ["weft-h1"]);
        for (var i = 0; i < 5; i++)
        {
            using var late = await RawClient.ConnectAsync(_proxy.Address);
            while (smtp.Connections <= i) await Task.Delay(1, TestContext.Current.CancellationToken);
            await Task.Delay(5, TestContext.Current.CancellationToken); // the greeting has come
            await late.SendAsync(hello[..100]);
            if (i > 2) await Task.Delay(100, TestContext.Current.CancellationToken); // and the rest takes even longer
            await late.SendAsync(hello[100..]);
            ((int)(await late.ReadAsync(1))[0]).ShouldBe(0x16, "the answer of TLS");
        }

        // A client in plaintext from the same address has its greeting all the same.
        using var plain = await RawClient.ConnectAsync(_proxy.Address);
        (await plain.ReadAsync(Greeting.Length)).ShouldBe(Greeting);
    }

    [Fact]
    public async Task A_permissive_port_serves_mesh_tls_plaintext_http_and_bytes()
    {
        await using var web = ScriptedBackend.Answering(Ok);
        Permissive(undeclared: true).Cluster("backend", [web.Address]);

        for (var i = 0; i < 3; i++)
        {
            await using var mesh = await HandshakeAsync("weft-h1");
            await mesh.WriteAsync(Encoding.ASCII.GetBytes(Get));
            (await mesh.ReadAsync(new byte[12])).ShouldBe(12);
        }
        Found("tls").ShouldBe(3);

        using var plain = await RawClient.ConnectAsync(_proxy.Address);
        await plain.SendAsync(Get);
        (await plain.ReadResponseAsync()).Status.ShouldBe(200);
        Found("http").ShouldBe(1);

        await using var echo = new ScriptedBackend(async c => await c.SendAsync("echo:" + await c.ReadBytesAsync(6)));
        _proxy.Cluster("backend", [echo.Address]);
        using var bytes = await RawClient.ConnectAsync(_proxy.Address);
        await bytes.SendAsync("PING\r\n");
        (await bytes.ReadAsync(11)).ShouldBe("echo:PING\r\n");
        Found("client_bytes").ShouldBe(1);
    }

    [Fact]
    public async Task A_hello_that_comes_with_the_connection_spares_the_application_a_second_one()
    {
        var hello = await ClientHelloPeekTests.RealHello("server", ["weft-h1"]);
        await using var web = ScriptedBackend.Answering(Ok);
        Permissive(undeclared: true).Cluster("backend", [web.Address]);
        for (var i = 0; i < 40; i++)
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            await client.SendAsync(hello);
            await client.ReadAsync(5); // the handshake has begun
        }
        Found("tls").ShouldBe(40);
        web.Connections.ShouldBeLessThan(20, "a busy machine may be slower than the grace now and then");
    }

    [Fact]
    public async Task Tls_of_the_application_passes_a_permissive_port_untouched()
    {
        using var certificate = _authority.Issue("application").ForDotNet();
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        Permissive(undeclared: true).Cluster("backend", [(System.Net.IPEndPoint)listener.LocalEndpoint]);
        var echo = Task.Run(async () =>
        {
            using var accepted = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(accepted.GetStream());
            await tls.AuthenticateAsServerAsync(certificate);
            var block = new byte[5];
            await tls.ReadExactlyAsync(block);
            await tls.WriteAsync(block);
        });
        await using var client = await HandshakeAsync("h2");
        client.RemoteCertificate!.GetCertHashString().ShouldBe(certificate.GetCertHashString());
        await client.WriteAsync("hello"u8.ToArray());
        var read = new byte[5];
        await client.ReadExactlyAsync(read);
        Encoding.ASCII.GetString(read).ShouldBe("hello");
        await echo;
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "old")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "new")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "h2c")]
    [InlineData("HELO\r\n", null)]
    public async Task Chains_that_ask_for_the_version_of_http_get_it_as_envoys_http_inspector_tells_it(string says, string? chain)
    {
        FilterChain Of(string protocol, string name) => new()
        {
            Name = name,
            FilterChainMatch = new() { ApplicationProtocols = { protocol } },
            Filters = { ProxyUnderTest.HttpFilter($"{{\"codec_type\": \"{(name == "h2c" ? "HTTP2" : "HTTP1")}\", \"http_protocol_options\": {{\"accept_http_10\": true}}, \"route_config\": {{\"name\": \"r\", \"virtual_hosts\": [{{\"name\": \"all\", \"domains\": [\"*\"], \"routes\": [{{\"match\": {{\"prefix\": \"/\"}}, \"direct_response\": {{\"status\": 200, \"body\": {{\"inline_string\": \"{name}\"}}}}}}]}}]}}}}") },
        };
        _proxy.ListenWith(null, Of("http/1.0", "old"), Of("http/1.1", "new"), Of("h2c", "h2c"));
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        if (chain is null)
        {
            await client.SendAsync(says);
            await Should.ThrowAsync<SocketException>(async () => await client.ReadAsync(1)); // closed with its bytes unread
            return;
        }
        foreach (var c in says) await client.SendAsync(c.ToString());
        if (chain == "h2c") (await client.ReadAsync(4))[3].ShouldBe('\x04');
        else (await client.ReadResponseAsync()).Body.ShouldBe(chain);
    }

    [Fact]
    public async Task Bytes_beside_chains_of_http_are_told_by_both_sides()
    {
        await using var web = ScriptedBackend.Answering(Ok);
        _proxy.Cluster("backend", [web.Address]).ListenWith(
            null, new FilterChain { Name = "http", FilterChainMatch = new() { ApplicationProtocols = { "http/1.1", "h2c" } }, Filters = { Http } }, new FilterChain { Name = "rest", Filters = { Bytes } });
        using (var client = await RawClient.ConnectAsync(_proxy.Address))
        {
            await client.SendAsync(Get);
            (await client.ReadResponseAsync())["server"].ShouldBe("envoy", "the connection manager has answered");
        }
        await using var smtp = new ScriptedBackend(async c => await c.SendAsync(Greeting));
        _proxy.Cluster("backend", [smtp.Address]);
        using (var client = await RawClient.ConnectAsync(_proxy.Address)) (await client.ReadToEndAsync()).ShouldBe(Greeting);
    }

    /// <summary>What the control plane sends for an application's port in a permissive mesh.</summary>
    private ProxyUnderTest Permissive(bool undeclared)
    {
        var tls = new ServerTls(new ServerTlsSettings { Certificate = _authority.Issue("server").Load(), ClientRoots = _authority.Roots, Alpn = ["weft-h1"] }, TimeProvider.System);
        var mesh = new FilterChain { Name = "mesh", FilterChainMatch = new() { TransportProtocol = "tls", ApplicationProtocols = { "weft-h1" } }, TransportSocket = ProxyUnderTest.MutualTls, Filters = { Http } };
        var untouched = new FilterChain { Name = "tls", FilterChainMatch = new() { TransportProtocol = "tls" }, Filters = { Bytes } };
        var plain = new FilterChain { Name = "plain", FilterChainMatch = new() { TransportProtocol = "raw_buffer" } };
        plain.Filters.Add(undeclared ? [Http, Bytes, Detect] : [Bytes]);
        return _proxy.ListenWith(tls, mesh, untouched, plain);
    }

    private async Task<SslStream> HandshakeAsync(string alpn)
    {
        using var certificate = _authority.Issue("client").ForDotNet();
        var socket = new TcpClient();
        await socket.ConnectAsync(_proxy.Address);
        var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "server", ClientCertificates = [certificate], RemoteCertificateValidationCallback = (_, _, _, _) => true, ApplicationProtocols = [new SslApplicationProtocol(alpn)],
        });
        return tls;
    }

    private double Found(string what) => _proxy.Metric($"weft_detection_total{{found=\"{what}\"}}");
}
