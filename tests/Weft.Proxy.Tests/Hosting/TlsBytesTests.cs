using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Shouldly;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Tcp;
using Weft.Routing.Listeners;
using Xunit;

namespace Weft.Proxy.Tests.Hosting;

/// <summary>TLS that begins or ends at the proxy around bytes that it does not read: a real process with an Envoy bootstrap, and openssl's own client and server.</summary>
public sealed class TlsBytesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-tls-bytes-").FullName;
    private readonly TestAuthority _authority = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string File(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    private string Roots => File("roots.pem", Encoding.ASCII.GetString(_authority.RootPem));

    private static string Socket(IPEndPoint address) => $"{{ socket_address: {{ address: {address.Address}, port_value: {address.Port} }} }}";

    private static string Bootstrap(IPEndPoint endpoint, string listenerTls = "", string clusterTls = "") => $$"""
        node: { id: tls, cluster: tests }
        static_resources:
          listeners:
          - name: in
            address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
            filter_chains:
            - filters:
              - name: envoy.filters.network.tcp_proxy
                typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: in, cluster: out }
              {{listenerTls}}
          clusters:
          - name: out
            type: STATIC
            connect_timeout: 2s
            load_assignment: { cluster_name: out, endpoints: [ { lb_endpoints: [ { endpoint: { address: {{Socket(endpoint)}} } } ] } ] }
            {{clusterTls}}
        """;

    private string UpstreamTls(string sni) =>
        $"{{ name: tls, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: {sni}, common_tls_context: {{ validation_context: {{ trusted_ca: {{ filename: {Roots} }} }} }} }} }}";

    [Fact]
    public async Task A_listener_ends_TLS_and_passes_on_what_was_in_it()
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            var line = await c.ReadBytesAsync(6);
            await c.SendAsync(new string([.. line!.TrimEnd('\n').Reverse()]) + "\n");
            await c.ReadToEndAsync();
        });
        var own = _authority.Issue("server", r => (r.Subject, r.DnsName) = ("CN=server", "server.test"));
        var tls = "transport_socket: { name: tls, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: { tls_certificates: "
            + $"[ {{ certificate_chain: {{ filename: {File("own.pem", own.ChainPem)} }}, private_key: {{ filename: {File("own.key", own.KeyPem)} }} }} ] }} }} }}";
        using var proxy = await RunningProxy.StartAsync(Bootstrap(backend.Address, listenerTls: tls), "--warmup-seconds", "0");
        var address = await proxy.ListenerAsync("in");

        var printed = await OpenSslClient.TalkAsync("hello", "-connect", address.ToString(), "-servername", "server.test", "-verify_hostname", "server.test", "-CAfile", Roots, "-verify_return_error");

        printed.ShouldContain("Verify return code: 0 (ok)");
        printed.ShouldContain("olleh");
        // In plaintext nobody gets through.
        using var plain = await TcpPeer.ConnectAsync(address);
        await plain.SendAsync("hello\n");
        (await plain.ReadToEndOrResetAsync()).ShouldNotContain("olleh"); // an alert, perhaps
        backend.Connections.ShouldBe(1);
    }

    [Fact]
    public async Task A_cluster_begins_TLS_for_a_client_that_knows_of_none_and_asks_for_the_name_that_it_is_told()
    {
        var named = _authority.Issue("named");
        using var server = await OpenSslServer.StartAsync(_authority, "origin.test", // which ends every connection that asks for another name
            "-servername", "origin.test", "-servername_fatal", "-cert2", File("named.pem", named.ChainPem), "-key2", File("named.key", named.KeyPem));
        using var proxy = await RunningProxy.StartAsync(Bootstrap(server.Address, clusterTls: "transport_socket: " + UpstreamTls("origin.test")), "--warmup-seconds", "0");
        using var client = await TcpPeer.ConnectAsync(await proxy.ListenerAsync("in"));
        await client.SendAsync("hello\n");
        (await client.ReadAsync(6)).ShouldBe("olleh\n");
    }

    [Fact]
    public async Task A_cluster_that_trusts_other_roots_gives_its_client_nothing()
    {
        using var server = await OpenSslServer.StartAsync(new TestAuthority(rootName: "a stranger"), "origin.test");
        using var proxy = await RunningProxy.StartAsync(Bootstrap(server.Address, clusterTls: "transport_socket: " + UpstreamTls("origin.test")), "--warmup-seconds", "0");
        using var client = await TcpPeer.ConnectAsync(await proxy.ListenerAsync("in"));
        await client.SendAsync("hello\n");
        (await client.IsResetAsync()).ShouldBeTrue();
    }

    /// <summary>The header goes in front of TLS, in the clear: who ends the TLS must know the client before it.</summary>
    [Theory]
    [InlineData("V1")]
    [InlineData("V2")]
    public async Task A_PROXY_header_goes_in_front_of_TLS(string version)
    {
        var material = _authority.Issue("origin", r => (r.Subject, r.DnsName) = ("CN=origin", "origin.test"));
        using var certificate = X509Certificate2.CreateFromPem(material.ChainPem, material.KeyPem);
        using var exportable = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var served = ServeAsync();
        var cluster = "transport_socket: { name: proxy, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport, "
            + $"config: {{ version: {version} }}, transport_socket: {UpstreamTls("origin.test")} }} }}";
        using var proxy = await RunningProxy.StartAsync(Bootstrap((IPEndPoint)listener.LocalEndpoint, clusterTls: cluster), "--warmup-seconds", "0");
        var address = await proxy.ListenerAsync("in");
        using var client = await TcpPeer.ConnectAsync(address);
        await client.SendAsync("hello");

        var told = $"{client.Socket.LocalEndPoint} -> {address} over origin.test says hello";
        (await client.ReadAsync(told.Length)).ShouldBe(told);
        client.End();
        (await client.ReadToEndAsync()).ShouldBe("");
        await served.WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);

        async Task ServeAsync()
        {
            using var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
            var bytes = new List<byte>();
            var one = new byte[1];
            ProxyHeader header;
            while (ProxyHeaderReader.Read([.. bytes], version == "V1" ? ProxyProtocolVersions.V1 : ProxyProtocolVersions.V2, 4096, out header, out _, out _) != ProxyHeaderStatus.Valid)
            {
                bytes.Count.ShouldBeLessThan(300);
                (await socket.ReceiveAsync(one)).ShouldBe(1);
                bytes.Add(one[0]);
            }
            await using var tls = new SslStream(new NetworkStream(socket));
            var asked = "";
            await tls.AuthenticateAsServerAsync((_, hello, _, _) =>
            {
                asked = hello.ServerName;
                return ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = exportable });
            }, null, TestContext.Current.CancellationToken);
            var said = new byte[5];
            await tls.ReadExactlyAsync(said, TestContext.Current.CancellationToken);
            await tls.WriteAsync(Encoding.ASCII.GetBytes($"{header.Source} -> {header.Destination} over {asked} says {Encoding.ASCII.GetString(said)}"), TestContext.Current.CancellationToken);
            (await tls.ReadAsync(one)).ShouldBe(0);
            await tls.ShutdownAsync();
        }
    }
}
