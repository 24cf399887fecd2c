using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.TestSupport;
using Xunit;
using ProtoProxyProtocol = Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol;

namespace Weft.Proxy.Tests.ProxyProtocol;

/// <summary>PROXY headers on accepted connections, over real sockets: who is believed, and what becomes of the rest.</summary>
public sealed class AcceptedHeaderTests
{
    private const string Edge = "\"use_remote_address\": true";
    private const string Request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Header = "PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n";

    private static readonly byte[] HeaderV2 = [.. "\r\n\r\n\0\r\nQUIT\n"u8, 0x21, 0x11, 0, 16, 203, 0, 113, 7, 198, 51, 100, 1, 0xDC, 0x04, 0x01, 0xBB, /* TLV */ 4, 0, 1, 0];

    private static Weft.V1.ProxyProtocol Trusting(string prefix, uint length, bool allowsAbsent = false) => new()
    {
        Filter = new ProtoProxyProtocol { AllowRequestsWithoutProxyProtocol = allowsAbsent },
        TrustedSources = { new CidrRange { AddressPrefix = prefix, PrefixLen = length } },
    };

    private static async Task WithProxyAsync(IMessage filter, Func<ProxyUnderTest, ScriptedBackend, Task> test, Action<Listener>? change = null)
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(manager: Edge), change: l =>
        {
            l.ListenerFilters.Add(new ListenerFilter { Name = "proxy", TypedConfig = Any.Pack(filter) });
            change?.Invoke(l);
        });
        await test(proxy, backend);
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public Task A_trusted_header_names_the_client_and_exactly_its_bytes_are_consumed(int version, bool byteByByte) => WithProxyAsync(Trusting("127.0.0.0", 8), async (proxy, backend) =>
    {
        using var client = await RawClient.ConnectAsync(proxy.Address);
        byte[] bytes = [.. version == 1 ? Encoding.ASCII.GetBytes(Header) : HeaderV2, .. Encoding.ASCII.GetBytes(Request)];
        foreach (var part in byteByByte ? bytes.Chunk(1) : [bytes])
        {
            await client.SendAsync(part);
            if (byteByByte) await Task.Yield();
        }
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        backend.Requests.Single().ShouldContain("x-forwarded-for: 203.0.113.7\r\n");

        await client.SendAsync(Request); // the header is the connection's, not the request's
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        backend.Requests[1].ShouldContain("x-forwarded-for: 203.0.113.7\r\n");
    });

    [Fact]
    public Task A_proxy_that_speaks_for_itself_is_the_client() => WithProxyAsync(Trusting("127.0.0.0", 8), async (proxy, backend) =>
    {
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("PROXY UNKNOWN\r\n" + Request);
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        backend.Requests.Single().ShouldContain("x-forwarded-for: 127.0.0.1\r\n");
    });

    [Fact]
    public Task An_untrusted_client_that_needs_no_header_is_served_and_not_believed() => WithProxyAsync(Trusting("10.0.0.0", 8, allowsAbsent: true), async (proxy, backend) =>
    {
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(Request);
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        backend.Requests.Single().ShouldContain("x-forwarded-for: 127.0.0.1\r\n");

        using var liar = await RawClient.ConnectAsync(proxy.Address);
        await liar.SendAsync(Header + Request);
        (await liar.ReadResponseAsync()).Status.ShouldBe(400); // its header is no request
        backend.Requests.Count.ShouldBe(1);
    });

    [Theory]
    [InlineData("untrusted", "trusted_sources")]
    [InlineData("absent", "it begins without a PROXY header")]
    [InlineData("malformed", "its PROXY header is malformed: a port in it is not a number from 0 to 65535")]
    [InlineData("truncated", "closed within its PROXY header")]
    [InlineData("slow", "no PROXY header came within 300 ms (listener_filters_timeout)")]
    public Task What_cannot_be_believed_closes_the_connection_with_one_reason(string kind, string reason) =>
        WithProxyAsync(kind == "untrusted" ? Trusting("10.0.0.0", 8) : Trusting("127.0.0.0", 8), async (proxy, backend) =>
        {
            using var client = await RawClient.ConnectAsync(proxy.Address);
            if (kind != "untrusted")
                await client.SendAsync(kind switch { "absent" => Request, "malformed" => Header.Replace("443", "x"), _ => Header[..20] });
            if (kind == "truncated") client.Socket.Shutdown(SocketShutdown.Send);
            await EndsAsync(client);
            backend.Requests.ShouldBeEmpty();
            proxy.Metric("weft_connections_refused_total{reason=\"proxy-header\"}").ShouldBe(1);
            proxy.Warnings.Single().ShouldEndWith(reason + (kind == "untrusted" ? ")" : ""));
        }, l => l.ListenerFiltersTimeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(300)));

    [Fact]
    public async Task A_header_stands_in_front_of_TLS()
    {
        var authority = new TestAuthority();
        using var certificate = authority.Issue("client").ForDotNet();
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]);
        proxy.TryListen(
            ProxyUnderTest.RouteAll(manager: Edge), 0, new ServerTls(new ServerTlsSettings { Certificate = authority.Issue("server").Load(), ClientRoots = authority.Roots, Alpn = ["weft-h1"] }, TimeProvider.System),
            change: l => l.ListenerFilters.Add(new ListenerFilter { Name = "proxy", TypedConfig = Any.Pack(Trusting("127.0.0.0", 8)) })).ShouldBeNull();
        using var socket = new TcpClient();
        await socket.ConnectAsync(proxy.Address, TestContext.Current.CancellationToken);
        await socket.GetStream().WriteAsync(HeaderV2, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "server", ClientCertificates = [certificate], RemoteCertificateValidationCallback = (_, _, _, _) => true, ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
        }, TestContext.Current.CancellationToken);
        await tls.WriteAsync(Encoding.ASCII.GetBytes(Request), TestContext.Current.CancellationToken);
        var block = new byte[4096];
        Encoding.ASCII.GetString(block, 0, await tls.ReadAsync(block, TestContext.Current.CancellationToken)).ShouldStartWith("HTTP/1.1 200");
        backend.Requests.Single().ShouldContain("x-forwarded-for: 203.0.113.7\r\n");
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>HAProxy writes the headers: what the other implementation means by them is what ours reads.</summary>
    [Theory]
    [InlineData("send-proxy")]
    [InlineData("send-proxy-v2")]
    [InlineData("send-proxy-v2-ssl-cn")]
    public Task Haproxys_headers_are_understood(string option) => WithProxyAsync(Trusting("127.0.0.0", 8), async (proxy, backend) =>
    {
        var program = Tool.Require("haproxy", "haproxy");
        var port = Ports.Free();
        var file = Path.Combine(Path.GetTempPath(), $"weft-haproxy-{Guid.NewGuid():N}.cfg");
        await File.WriteAllTextAsync(file, $"""
            defaults
              mode tcp
              timeout connect 5s
              timeout client 5s
              timeout server 5s
            listen in
              bind 127.0.0.1:{port}
              server weft {proxy.Address} {option}

            """);
        using var haproxy = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, ["-f", file, "-db"]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
        try
        {
            using var client = await ConnectAsync(new(IPAddress.Loopback, port), from: IPAddress.Parse("127.0.0.9"));
            await client.SendAsync(Request);
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
            backend.Requests.Single().ShouldContain("x-forwarded-for: 127.0.0.9\r\n");
        }
        finally
        {
            haproxy.Kill();
            File.Delete(file);
        }
    });

    private static async Task<RawClient> ConnectAsync(IPEndPoint address, IPAddress from)
    {
        for (var left = 100; ; left--)
        {
            try
            {
                return await RawClient.ConnectAsync(address, from: from);
            }
            catch (SocketException) when (left > 0)
            {
                await Task.Delay(50);
            }
        }
    }

    private static async Task EndsAsync(RawClient client)
    {
        try
        {
            (await client.ReadToEndAsync()).ShouldBe("");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // unread bytes make the kernel's close a reset
        }
    }
}
