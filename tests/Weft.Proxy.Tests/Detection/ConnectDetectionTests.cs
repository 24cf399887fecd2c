using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Tcp;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

/// <summary>CONNECT at the forward proxy to a port that declares nothing: what it carries is found out as on an intercepted connection.</summary>
public sealed class ConnectDetectionTests : IAsyncDisposable
{
    private const string Connect = "CONNECT app:9000 HTTP/1.1\r\nHost: app:9000\r\n\r\n";
    private const string Connected = "HTTP/1.1 200 Connection Established\r\n\r\n";
    private const string Greeting = "220 mx.example ESMTP\r\n";

    private readonly ProxyUnderTest _proxy = new();
    private ScriptedBackend? _backend;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        if (_backend is not null) await _backend.DisposeAsync();
    }

    [Theory]
    [InlineData(Greeting)]
    [InlineData("\x4a\0\0\0\x0a" + "8.0.36\0 and its scramble")] // MySQL's HandshakeV10
    public async Task A_greeting_follows_the_answer_and_the_client_is_heard_after_it(string greeting)
    {
        Start(async c =>
        {
            await c.SendAsync(greeting);
            await c.SendAsync("250 " + await c.ReadBytesAsync(4));
        });
        using var client = await ConnectAsync();
        (await client.ReadAsync(greeting.Length)).ShouldBe(greeting);
        await client.SendAsync("EHLO");
        (await client.ReadAsync(8)).ShouldBe("250 EHLO");
        Found("server_first").ShouldBe(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_speaks_bytes_first_is_understood_also_when_it_does_not_wait_for_the_answer(bool atOnce)
    {
        const string Ping = "*1\r\n$4\r\nPING\r\n"; // Redis
        Start(async c =>
        {
            (await c.ReadBytesAsync(Ping.Length)).ShouldBe(Ping);
            await c.SendAsync("+PONG\r\n");
            await c.ReadToEndAsync();
            await c.SendAsync("bye");
        });
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync(atOnce ? Connect + Ping : Connect);
        (await client.ReadAsync(Connected.Length)).ShouldBe(Connected);
        if (!atOnce) await client.SendAsync(Ping);
        (await client.ReadAsync(7)).ShouldBe("+PONG\r\n");
        client.Socket.Shutdown(SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe("bye");
        Found("client_bytes").ShouldBe(1);
        await Eventually.TrueAsync(() => Task.FromResult(_proxy.Ended(Fault.None) == 1));
        var totals = _proxy.Connections().Single().Totals;
        (totals.ReceivedBytes, totals.SentBytes).ShouldBe((Ping.Length, 10), "the answer to the CONNECT is ours, and none of the service's bytes");
        _proxy.Requests().ShouldBeEmpty("no workload was asked anything");
        (await _proxy.RentedAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task When_both_are_silent_it_is_bytes_and_what_comes_later_is_not_looked_at()
    {
        Start(async c => await c.SendAsync("late:" + await c.ReadBytesAsync(18)));
        using var client = await ConnectAsync();
        await UntilFoundAsync("silence");
        await client.SendAsync("GET / HTTP/1.1\r\n\r\n");
        (await client.ReadAsync(23)).ShouldBe("late:GET / HTTP/1.1\r\n\r\n");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]   // the first byte comes with the CONNECT
    [InlineData(40)]  // all of it does
    public async Task Http_is_served_as_requests_one_after_the_other(int withConnect)
    {
        const string Request = "GET /a HTTP/1.1\r\nHost: app\r\nA: 12345\r\n\r\n";
        Request.Length.ShouldBe(40);
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync(Connect + Request[..withConnect]);
        (await client.ReadAsync(Connected.Length)).ShouldBe(Connected);
        await client.SendAsync(Request[withConnect..]);
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        await client.SendAsync(Request + Request);
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        _proxy.Requests().Sum(r => r.Count).ShouldBe(3, "the CONNECT itself asked no workload");
        Found("http").ShouldBe(1);
        _proxy.Connections().ShouldBeEmpty("what was dialled on suspicion is no connection that anybody asked for");
    }

    [Fact]
    public async Task A_head_that_does_not_end_is_answered_408_as_on_any_connection()
    {
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "\"http_protocol_options\": {}, \"request_headers_timeout\": \"0.3s\"");
        using var client = await ConnectAsync();
        await client.SendAsync("GET /a HTTP/1.1\r\nHos");
        (await client.ReadResponseAsync())["x-weft-fault"].ShouldBe("header-timeout");
    }

    [Fact]
    public async Task Http2_with_prior_knowledge_is_http_although_the_server_introduces_itself_first()
    {
        Start(async c =>
        {
            await c.SendAsync("\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"); // SETTINGS
            await c.ReadToEndAsync();
        });
        using var client = await ConnectAsync();
        await Task.Delay(300, Stop); // the limit passes
        await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        (await client.ReadAsync(9))[3].ShouldBe('\x04'); // the proxy's own SETTINGS
        Found("http").ShouldBe(1);
        Found("server_first").ShouldBe(0);
    }

    [Fact]
    public async Task Tls_of_the_application_passes_untouched()
    {
        using var certificate = new TestAuthority().Issue("application").ForDotNet();
        using var server = new TcpListener(System.Net.IPAddress.Loopback, 0);
        server.Start();
        _proxy.Cluster("backend", [(System.Net.IPEndPoint)server.LocalEndpoint]).UndeclaredService("app.default:9000", "backend").ListenForward();
        var serving = Task.Run(async () =>
        {
            using var accepted = await server.AcceptTcpClientAsync(Stop);
            await using var tls = new SslStream(accepted.GetStream());
            await tls.AuthenticateAsServerAsync(certificate);
            await tls.WriteAsync("welcome"u8.ToArray(), Stop);
        }, Stop);
        using var raw = await ConnectAsync();
        await using var client = new SslStream(new NetworkStream(raw.Socket), false, (_, _, _, _) => true);
        await client.AuthenticateAsClientAsync("application.example");
        client.RemoteCertificate!.GetCertHashString().ShouldBe(certificate.GetCertHashString());
        var read = new byte[7];
        await client.ReadExactlyAsync(read, Stop);
        Encoding.ASCII.GetString(read).ShouldBe("welcome");
        await serving;
    }

    [Fact]
    public async Task An_application_that_is_down_is_told_of_in_http_and_by_a_reset_of_bytes()
    {
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        _backend!.StopListening();
        using (var client = await ConnectAsync())
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
            (await client.ReadResponseAsync())["x-weft-fault"].ShouldBe("connect-failure");
        }
        using var bytes = await ConnectAsync();
        await bytes.SendAsync("PING\r\n");
        await Should.ThrowAsync<SocketException>(() => bytes.ReadAsync(1));
        await Eventually.TrueAsync(() => Task.FromResult(_proxy.Metric("weft_accepted_connections") == 0));
        (await _proxy.RentedAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task An_endpoint_that_accepts_and_resets_costs_its_client_a_reset_and_nobody_else_anything()
    {
        Start(c =>
        {
            c.Reset();
            return Task.CompletedTask;
        });
        using var client = await ConnectAsync();
        await Task.Delay(50, Stop); // the reset is there before the client speaks
        await Should.ThrowAsync<SocketException>(async () =>
        {
            await client.SendAsync("PING\r\n");
            await client.ReadAsync(1);
        });
    }

    [Fact]
    public async Task Nothing_is_lost_or_doubled_in_either_direction()
    {
        var sent = RandomNumberGenerator.GetBytes(3 << 20);
        var answered = RandomNumberGenerator.GetBytes(3 << 20);
        byte[] got = [];
        Start(async c =>
        {
            var writing = c.SendAsync(answered);
            got = Encoding.Latin1.GetBytes(await c.ReadBytesAsync(sent.Length));
            await writing;
        });
        foreach (var pause in new[] { 0, 20 }) // the client's first, and the server's
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            await client.SendAsync(Connect);
            await Task.Delay(pause, Stop);
            var writing = client.SendAsync(sent);
            (await client.ReadAsync(Connected.Length)).ShouldBe(Connected);
            var read = Encoding.Latin1.GetBytes(await client.ReadAsync(answered.Length));
            await writing;
            SHA256.HashData(read).ShouldBe(SHA256.HashData(answered));
            await Eventually.TrueAsync(() => Task.FromResult(got.Length == sent.Length));
            SHA256.HashData(got).ShouldBe(SHA256.HashData(sent));
            got = [];
        }
    }

    [Fact]
    public async Task Where_others_found_http_nobody_is_dialled_on_suspicion_by_the_first_client_either()
    {
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", hint: true);
        using var client = await ConnectAsync();
        await client.SendAsync("GET /a HTTP/1.1\r\nHost: app\r\n\r\n");
        (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        _backend!.Connections.ShouldBe(1, "the request's own");
        Found("http").ShouldBe(1);
    }

    [Fact]
    public async Task Where_others_are_wrong_a_greeting_comes_one_limit_later_and_only_once()
    {
        Start(async c =>
        {
            await c.SendAsync(Greeting);
            await c.ReadToEndAsync();
        }, hint: true);
        using (var first = await ConnectAsync()) (await first.ReadAsync(Greeting.Length)).ShouldBe(Greeting);
        _proxy.Metric("weft_detection_seconds_bucket{le=\"0.05\"}").ShouldBe(0, "its client was waited for");
        using (var second = await ConnectAsync()) (await second.ReadAsync(Greeting.Length)).ShouldBe(Greeting);
        Found("server_first").ShouldBe(2);
        Found("silence").ShouldBe(0);
    }

    [Fact]
    public async Task Where_others_are_wrong_a_client_that_ends_at_once_still_gets_what_the_server_says()
    {
        Start(async c =>
        {
            await Task.Delay(300, Stop);
            await c.SendAsync(Greeting);
        }, hint: true);
        using var client = await ConnectAsync();
        client.Socket.Shutdown(SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe(Greeting);
    }

    [Fact]
    public async Task Over_http2_each_stream_finds_out_for_itself()
    {
        Start(async c =>
        {
            // Speaks first to the first, and to the others not before they do.
            if (_backend!.Connections == 1) await c.SendAsync(Greeting);
            if (await c.ReadToEndAsync() is { Length: > 0 } said) await c.SendAsync("you said " + said);
        });
        using var client = await Http2Peer.ConnectAsync(_proxy.Address);
        await client.SendAsync(ConnectStream(1));
        await client.UntilAsync(p => p.Stream(1).Text == Greeting);
        await client.SendAsync(ConnectStream(3), RawFrame.Data(3, "PING\r\n", end: true));
        await client.UntilAsync(p => p.Stream(3).IsOver);
        client.Stream(3).Text.ShouldBe("you said PING\r\n");
        await client.SendAsync(ConnectStream(5));
        await client.UntilAsync(p => p.Stream(5).Status == 200);
        await client.SendAsync(RawFrame.Reset(5));
        client.Violations.ShouldBeEmpty();
        Found("server_first").ShouldBe(1);
        Found("client_bytes").ShouldBe(1);
    }

    [Fact]
    public async Task Over_http2_requests_inside_are_served()
    {
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using var client = await Http2Peer.ConnectAsync(_proxy.Address);
        await client.SendAsync(ConnectStream(1), RawFrame.Data(1, "GET /a HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n"));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        client.Stream(1).Text.ShouldStartWith("HTTP/1.1 200 OK\r\n");
        client.Stream(1).Text.ShouldEndWith("\r\n\r\nok");
    }

    [Fact]
    public async Task Clients_that_leave_at_once_leave_nothing_behind()
    {
        Start(async c => await c.ReadToEndAsync());
        for (var i = 0; i < 50; i++)
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address);
            await client.SendAsync(i % 3 == 0 ? Connect + "PI" : Connect);
            if (i % 2 == 0) client.Socket.LingerState = new LingerOption(true, 0);
        }
        await Eventually.TrueAsync(() => Task.FromResult(_proxy.Metric("weft_accepted_connections") == 0));
        await Eventually.TrueAsync(async () => await _proxy.RentedAsync() == 0);
    }

    [Fact]
    public async Task A_drain_whose_time_is_over_ends_one_that_is_still_undecided()
    {
        Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using (var first = await ConnectAsync()) // from now on silence is no verdict
        {
            await first.SendAsync("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
            await first.ReadResponseAsync();
        }
        using var silent = await ConnectAsync();
        await _proxy.DrainAsync(TimeSpan.FromMilliseconds(200));
        await Should.ThrowAsync<SocketException>(() => silent.ReadAsync(1));
    }

    private static RawFrame ConnectStream(int stream) => RawFrame.Headers(stream, RawHpack.Block([(":method", "CONNECT"), (":authority", "app:9000")]), end: false);

    private async Task<RawClient> ConnectAsync()
    {
        var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync(Connect);
        (await client.ReadAsync(Connected.Length)).ShouldBe(Connected);
        return client;
    }

    private void Answer(string response, string manager = "\"http_protocol_options\": {}", bool hint = false) => Serve(ScriptedBackend.Answering(response), manager, hint);

    private void Start(Func<ScriptedBackend.Connection, Task> script, bool hint = false) => Serve(new ScriptedBackend(script), "\"http_protocol_options\": {}", hint);

    private void Serve(ScriptedBackend backend, string manager, bool hint)
    {
        _backend = backend;
        _proxy.Cluster("backend", [backend.Address]).UndeclaredService("app.default:9000", "backend", hint).ListenForward(manager);
    }

    private double Found(string what) => _proxy.Metric($"weft_detection_total{{found=\"{what}\"}}");

    private Task UntilFoundAsync(string what) => Eventually.TrueAsync(() => Task.FromResult(Found(what) == 1));
}
