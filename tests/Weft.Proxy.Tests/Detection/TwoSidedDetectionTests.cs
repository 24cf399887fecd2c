using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Transport;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

/// <summary>An undeclared port: a chain with both a TCP proxy and an HTTP connection manager, in front of applications that speak what they like.</summary>
public sealed class TwoSidedDetectionTests : IAsyncDisposable
{
    private const string SmtpGreeting = "220 mx.example ESMTP\r\n";

    private static readonly TimeSpan LongLimit = TimeSpan.FromSeconds(5);

    private readonly ProxyUnderTest _proxy = new() { Direction = Envoy.Config.Core.V3.TrafficDirection.Inbound };
    private readonly List<ScriptedBackend> _backends = [];

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        foreach (var backend in _backends) await backend.DisposeAsync();
    }

    [Fact]
    public async Task A_greeting_comes_at_once_and_not_after_the_limit()
    {
        // Were the client waited for, each of these would take the five seconds of the limit.
        Start(Smtp(), LongLimit);
        for (var i = 0; i < 3; i++)
        {
            var clock = Stopwatch.StartNew();
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            (await client.ReadAsync(SmtpGreeting.Length)).ShouldBe(SmtpGreeting);
            clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(2));
            await client.SendAsync("EHLO me\r\n");
            (await client.ReadAsync(8)).ShouldBe("250 me\r\n");
        }
        Found("server_first").ShouldBe(3);
    }

    [Fact]
    public async Task A_greeting_in_binary_is_passed_on_whole_and_the_login_answered()
    {
        byte[] greeting = [0x4a, 0, 0, 0, 0x0a, .. "8.0.36\0"u8, .. new byte[66]]; // MySQL's HandshakeV10
        Start(new ScriptedBackend(async c =>
        {
            await c.SendAsync(greeting);
            (await c.ReadBytesAsync(4)).ShouldBe("\x20\0\0\x01");
            await c.SendAsync("OK");
        }), LongLimit);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        (await client.ReadAsync(greeting.Length)).ShouldBe(Encoding.Latin1.GetString(greeting));
        await client.SendAsync("\x20\0\0\x01");
        (await client.ReadAsync(2)).ShouldBe("OK");
    }

    [Theory]
    [InlineData("\0\0\0\x08\x04\xd2\x16\x2f", "N")]          // PostgreSQL: SSLRequest
    [InlineData("*1\r\n$4\r\nPING\r\n", "+PONG\r\n")]         // Redis
    [InlineData("PING\r\n", "+PONG\r\n")]                    // Redis, by hand
    [InlineData("GET key\r\n", "$-1\r\n")]
    [InlineData("EHLO impatient\r\n", "503 wait\r\n")]
    public async Task Clients_that_speak_bytes_are_understood_by_their_first_word(string says, string answer)
    {
        Start(new ScriptedBackend(async c =>
        {
            (await c.ReadBytesAsync(says.Length)).ShouldBe(says);
            await c.SendAsync(answer);
        }), LongLimit);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync(says);
        (await client.ReadAsync(answer.Length)).ShouldBe(answer);
        Found("client_bytes").ShouldBe(1);
    }

    [Fact]
    public async Task Http_is_served_as_requests_and_its_application_is_not_dialled_again_on_suspicion()
    {
        var backend = Start(Http(), LongLimit);
        for (var i = 0; i < 4; i++)
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            await client.SendAsync("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        // One connection for the requests, which is kept, and one that was dialled before anything was known.
        backend.Connections.ShouldBeLessThanOrEqualTo(2);
        backend.Requests.Count.ShouldBe(4);
        _proxy.Requests().Sum(r => r.Count).ShouldBe(4);
        Found("http").ShouldBe(4);
    }

    [Fact]
    public async Task Http_byte_by_byte_and_after_a_pause_is_http()
    {
        Start(Http(), LongLimit);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        foreach (var c in "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        {
            await client.SendAsync(c.ToString());
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        Found("http").ShouldBe(1);
    }

    [Fact]
    public async Task A_path_that_has_begun_when_the_limit_ends_is_http()
    {
        Start(Http(), TimeSpan.FromMilliseconds(50));
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync("GET /beg");
        await Until(() => Found("http") == 1);
        await client.SendAsync("in HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task When_both_are_silent_the_limit_decides_for_bytes_and_nothing_is_lost()
    {
        Start(new ScriptedBackend(async c => await c.SendAsync("late:" + await c.ReadBytesAsync(5))), TimeSpan.FromMilliseconds(100));
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        var clock = Stopwatch.StartNew();
        await Until(() => Found("silence") == 1);
        clock.ElapsedMilliseconds.ShouldBeInRange(50, 2000);
        await client.SendAsync("GET /");
        (await client.ReadAsync(10)).ShouldBe("late:GET /");
    }

    [Fact]
    public async Task Where_clients_speak_http_silence_is_no_verdict_and_a_server_that_speaks_first_is_still_heard()
    {
        Start(Http(), TimeSpan.FromMilliseconds(50));
        using (var first = await RawClient.ConnectAsync(_proxy.Address))
        {
            await first.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            (await first.ReadResponseAsync()).Status.ShouldBe(200);
        }
        using (var early = await RawClient.ConnectAsync(_proxy.Address)) // opened ahead of need, as browsers do
        {
            await Task.Delay(300, TestContext.Current.CancellationToken);
            await early.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await early.ReadResponseAsync()).Status.ShouldBe(200);
        }
        Found("http").ShouldBe(2);

        Cluster(Smtp()); // another application, on the same destination
        using (var client = await RawClient.ConnectAsync(_proxy.Address)) (await client.ReadAsync(SmtpGreeting.Length)).ShouldBe(SmtpGreeting);
        Forgotten("contradicted").ShouldBe(1);
        using (var client = await RawClient.ConnectAsync(_proxy.Address)) (await client.ReadAsync(SmtpGreeting.Length)).ShouldBe(SmtpGreeting);
        Found("server_first").ShouldBe(2);
    }

    [Fact]
    public async Task An_http2_server_that_introduces_itself_is_not_taken_for_one_that_speaks_first()
    {
        byte[] settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
        Start(new ScriptedBackend(async c =>
        {
            await c.SendAsync(settings);
            await c.ReadBytesAsync(int.MaxValue);
        }), TimeSpan.FromMilliseconds(100));
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await Task.Delay(400, TestContext.Current.CancellationToken);
        await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        // It is the proxy's own SETTINGS that answer: it announces its limit on heads, and the application above does not.
        (await client.ReadAsync(9))[3].ShouldBe('\x04');
        Found("http").ShouldBe(1);
        Found("server_first").ShouldBe(0);
    }

    [Fact]
    public async Task Tls_of_the_application_passes_untouched()
    {
        using var certificate = new TestAuthority().Issue("application").ForDotNet();
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        Listen(LongLimit);
        _proxy.Cluster("backend", [(System.Net.IPEndPoint)listener.LocalEndpoint]);
        var echo = Task.Run(async () =>
        {
            using var accepted = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(accepted.GetStream());
            await tls.AuthenticateAsServerAsync(certificate);
            var block = new byte[1000];
            await tls.ReadExactlyAsync(block);
            await tls.WriteAsync(block);
        });
        var sent = RandomNumberGenerator.GetBytes(1000);
        using var socket = new TcpClient();
        await socket.ConnectAsync(_proxy.Address);
        await using var client = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await client.AuthenticateAsClientAsync("application.example");
        client.RemoteCertificate!.GetCertHashString().ShouldBe(certificate.GetCertHashString());
        await client.WriteAsync(sent);
        var read = new byte[sent.Length];
        await client.ReadExactlyAsync(read);
        read.ShouldBe(sent);
        await echo;
    }

    [Fact]
    public async Task Nothing_is_consumed_lost_or_doubled_in_either_direction()
    {
        var sent = RandomNumberGenerator.GetBytes(3 << 20);
        var answered = RandomNumberGenerator.GetBytes(3 << 20);
        byte[] got = [];
        Start(new ScriptedBackend(async c =>
        {
            var writing = c.SendAsync(answered);
            got = Encoding.Latin1.GetBytes(await c.ReadBytesAsync(sent.Length));
            await writing;
        }), LongLimit);
        foreach (var pause in new[] { 0, 20 }) // the client's first, and the server's
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            await Task.Delay(pause, TestContext.Current.CancellationToken);
            var writing = client.SendAsync(sent);
            var read = Encoding.Latin1.GetBytes(await client.ReadAsync(answered.Length));
            await writing;
            SHA256.HashData(read).ShouldBe(SHA256.HashData(answered));
            await Until(() => got.Length == sent.Length);
            SHA256.HashData(got).ShouldBe(SHA256.HashData(sent));
            got = [];
        }
    }

    [Fact]
    public async Task Whoever_talks_http_to_an_application_that_is_down_is_told_so_and_bytes_are_reset()
    {
        var backend = Http();
        Start(backend, TimeSpan.FromMilliseconds(100));
        backend.StopListening();
        using (var client = await RawClient.ConnectAsync(_proxy.Address))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync())["x-weft-fault"].ShouldBe("connect-failure");
        }
        _proxy.Cluster("backend", [backend.Address]);
        using var bytes = await RawClient.ConnectAsync(_proxy.Address);
        await Should.ThrowAsync<SocketException>(async () =>
        {
            await bytes.SendAsync("PING\r\n");
            await bytes.ReadAsync(1);
        });
    }

    [Fact]
    public async Task Clients_that_leave_at_once_leave_nothing_behind()
    {
        var backend = Start(Smtp(), TimeSpan.FromMilliseconds(100));
        for (var i = 0; i < 50; i++)
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            if (i % 2 == 0) client.Socket.LingerState = new LingerOption(true, 0);
        }
        await Until(() => _proxy.Metric("weft_accepted_connections") == 0);
        using var last = await RawClient.ConnectAsync(_proxy.Address);
        (await last.ReadAsync(SmtpGreeting.Length)).ShouldBe(SmtpGreeting);
        backend.Connections.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_client_that_resets_while_its_endpoint_is_dialled_leaves_nothing_behind()
    {
        using var hole = new BlackHole();
        _proxy.Cluster("backend", [hole.Address], "{\"connect_timeout\": \"60s\"}");
        Listen(LongLimit);
        var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync("PING\r\n");
        await Until(() => Found("client_bytes") == 1);
        client.Socket.LingerState = new LingerOption(true, 0);
        client.Dispose();
        await Until(() => _proxy.State("backend").Idle && _proxy.Metric("weft_accepted_connections") == 0);
        _proxy.Ended(Fault.DownstreamClosed).ShouldBe(1);
    }

    private static ScriptedBackend Http() => ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

    private static ScriptedBackend Smtp() => new(async c =>
    {
        await c.SendAsync(SmtpGreeting);
        await c.ReadBytesAsync("EHLO me\r\n".Length);
        await c.SendAsync("250 me\r\n");
        await c.ReadBytesAsync(1);
    });

    private ScriptedBackend Start(ScriptedBackend backend, TimeSpan limit)
    {
        Listen(limit);
        Cluster(backend);
        return backend;
    }

    private void Cluster(ScriptedBackend backend)
    {
        _backends.Add(backend);
        _proxy.Cluster("backend", [backend.Address]);
    }

    private void Listen(TimeSpan limit) => _proxy.ListenWith(
        ProxyUnderTest.HttpFilter(ProxyUnderTest.RouteAll()),
        new Filter { Name = "tcp", TypedConfig = Any.Pack(new TcpProxy { StatPrefix = "app", Cluster = "backend" }) },
        new Filter { Name = "weft.v1.detect", TypedConfig = Any.Pack(new Weft.V1.Detect { Limit = Duration.FromTimeSpan(limit) }) });

    private double Found(string what) => _proxy.Metric($"weft_detection_total{{found=\"{what}\"}}");

    private double Forgotten(string reason) => _proxy.Metric($"weft_detection_forgotten_total{{reason=\"{reason}\"}}");

    private static async Task Until(Func<bool> holds)
    {
        var clock = Stopwatch.StartNew();
        while (!holds())
        {
            clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
            await Task.Delay(5);
        }
    }
}
