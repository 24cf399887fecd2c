using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>How long a request may still take travels with it between proxies, shrinks on its way, and is kept at the far end.</summary>
public sealed class DeadlineTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task The_called_proxy_ends_what_passes_the_deadline()
    {
        await using var application = new ScriptedBackend(async c => { await c.ReadRequestAsync(); await c.ReadRequestAsync(); });
        await using var pair = MeshPair.Start(application.Address);

        var watch = Stopwatch.StartNew();
        var answer = await pair.AskAsync("weft-h1", "peer", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-weft-deadline: 300\r\n\r\n");

        answer.ShouldStartWith("HTTP/1.1 504 Gateway Timeout");
        answer.ShouldContain("x-weft-fault: deadline-exceeded");
        watch.ElapsedMilliseconds.ShouldBeInRange(300, 8_000);
        application.Requests.ShouldHaveSingleItem().ShouldNotContain("x-weft", Case.Insensitive);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_spares_the_application()
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(application.Address);

        var answer = await pair.AskAsync("weft-h1", "peer", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\nx-weft-deadline: 0\r\n\r\n");

        answer.ShouldStartWith("HTTP/1.1 504");
        application.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("soon")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData("99999999999")]
    public async Task What_is_no_number_of_milliseconds_limits_nothing(string value)
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(application.Address);

        (await pair.AskAsync("weft-h1", "peer", $"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nx-weft-deadline: {value}\r\n\r\n")).ShouldStartWith("HTTP/1.1 200 OK");
    }

    [Fact]
    public async Task The_callers_proxy_tells_what_is_left_of_its_routes_timeout_and_less_at_each_attempt()
    {
        var authority = new TestAuthority();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var told = new List<int?>();
        var peer = ServeAsync();
        await using var pair = MeshPair.StartCaller(authority, new MeshPairOptions
        {
            CallerAlpn = ["weft-h1"], Action = "\"timeout\": \"9s\", \"retry_policy\": {\"retry_on\": \"reset\", \"num_retries\": 2}",
        }, (IPEndPoint)listener.LocalEndpoint);

        using var client = await RawClient.ConnectAsync(pair.Caller);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nx-weft-deadline: 77777\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        await peer;

        told.Count.ShouldBe(2);
        told[0]!.Value.ShouldBeInRange(1, 9_000);
        told[1]!.Value.ShouldBeInRange(1, told[0]!.Value - 250);

        async Task ServeAsync()
        {
            using var certificate = authority.Issue("called").ForDotNet();
            for (var i = 0; i < 2; i++)
            {
                using var accepted = await listener.AcceptTcpClientAsync();
                await using var tls = new SslStream(accepted.GetStream());
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
                {
                    ServerCertificate = certificate, ClientCertificateRequired = true, RemoteCertificateValidationCallback = (_, _, _, _) => true,
                    ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
                });
                var head = "";
                var block = new byte[4096];
                while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal)) head += Encoding.ASCII.GetString(block, 0, await tls.ReadAsync(block));
                var field = head.Split("\r\n").SingleOrDefault(l => l.StartsWith("x-weft-deadline: ", StringComparison.OrdinalIgnoreCase));
                told.Add(field is null ? null : int.Parse(field.Split(": ")[1], CultureInfo.InvariantCulture));
                await Task.Delay(300);
                if (i == 1) await tls.WriteAsync(Encoding.ASCII.GetBytes(Ok));
            }
        }
    }

    [Fact]
    public async Task Without_any_limit_nothing_is_told()
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var pair = MeshPair.Start(application.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        (await client.ReadResponseAsync()).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("weft-h1")]
    [InlineData("weft-h2")]
    public async Task The_callers_proxy_is_the_one_that_speaks_when_its_routes_time_is_over(string alpn)
    {
        await using var application = new ScriptedBackend(async c => { await c.ReadRequestAsync(); await c.ReadRequestAsync(); });
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn], Action = "\"timeout\": \"0.3s\"" }, application.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();

        answer.Status.ShouldBe(504);
        answer["x-weft-fault"].ShouldBe("response-timeout");
    }
}
