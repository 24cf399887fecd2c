using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Transport;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>Each limit of a listener, a route or a cluster, set through xDS and met.</summary>
public sealed partial class LimitsTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ProxyUnderTest Proxy(ScriptedBackend backend, string manager = "", string action = "") =>
        new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(action, manager));

    private static ScriptedBackend Silent() => new(async c =>
    {
        while (await c.ReadHeadAsync() is not null) { }
    });

    [Fact]
    public async Task A_head_over_its_limit_is_answered_431_with_the_limit_and_what_had_come()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, "\"max_request_headers_kb\": 4");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nCookie: {new string('x', 6000)}\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((431, "header-too-large"));
        answer.Body.ShouldContain("max_request_headers_kb");
        answer.Body.ShouldContain("(4096)");
        var arrived = Arrived().Match(answer.Body);
        arrived.Success.ShouldBeTrue(answer.Body);
        int.Parse(arrived.Groups[1].Value, CultureInfo.InvariantCulture).ShouldBeInRange(4096, 6100);
        backend.Requests.ShouldBeEmpty();
    }

    [GeneratedRegex("; ([0-9]+) bytes of the head had come")]
    private static partial Regex Arrived();

    [Fact]
    public async Task Too_many_fields_are_answered_431_with_the_limit()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, "\"common_http_protocol_options\": {\"max_headers_count\": 5}");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 5).Select(i => $"x{i}: 1\r\n"))}\r\n");
        var answer = await client.ReadResponseAsync();
        answer.Status.ShouldBe(431);
        answer.Body.ShouldContain("max_headers_count) (5)");
    }

    [Theory]
    [InlineData(50_000, 200)] // a listener has one limit: what is no field may go to the target
    [InlineData(70_000, 414)]
    public async Task A_target_may_be_as_long_as_the_head_and_longer_is_414(int length, int status)
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET /{new string('x', length)} HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        answer.Status.ShouldBe(status);
        if (status == 414) answer.Body.ShouldContain("(61440)");
    }

    [Fact]
    public async Task A_request_that_does_not_arrive_within_request_timeout_is_answered_408()
    {
        await using var backend = Silent();
        await using var proxy = Proxy(backend, "\"request_timeout\": \"0.4s\"");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
        for (var i = 0; i < 3; i++)
        {
            await Task.Delay(100, Stop);
            await client.SendAsync("x"); // dripping does not extend it
        }
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((408, "body-timeout"));
    }

    [Fact]
    public async Task An_attempt_over_its_per_try_timeout_is_made_again_and_the_last_is_answered_504()
    {
        await using var backend = Silent();
        await using var proxy = Proxy(backend, action: "\"retry_policy\": {\"retry_on\": \"reset\", \"num_retries\": 1, \"per_try_timeout\": \"0.2s\"}");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((504, "response-timeout"));
        answer.Body.ShouldContain("per-try timeout of 200 ms, attempt 2");
        backend.Requests.Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("\"stream_idle_timeout\": \"0.3s\"", "")]
    [InlineData("\"stream_idle_timeout\": \"100s\"", "\"idle_timeout\": \"0.3s\"")]
    public async Task A_silent_exchange_ends_with_504_before_the_answer_and_cut_within_it(string manager, string action)
    {
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadHeadAsync() is { } head)
            {
                if (head.Contains("/begun", StringComparison.Ordinal)) await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
            }
        });
        await using var proxy = Proxy(backend, manager, action);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(504);
        await client.SendAsync("GET /begun HTTP/1.1\r\nHost: a\r\n\r\n");
        await Should.ThrowAsync<SocketException>(() => client.ReadResponseAsync());
    }

    [Fact]
    public async Task A_connection_without_a_request_ends_quietly_after_idle_timeout()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, "\"common_http_protocol_options\": {\"idle_timeout\": \"0.3s\"}");
        using var fresh = await RawClient.ConnectAsync(proxy.Address);
        using var used = await RawClient.ConnectAsync(proxy.Address);
        await used.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await used.ReadResponseAsync()).Status.ShouldBe(200);
        (await fresh.IsEndedAsync()).ShouldBeTrue();
        (await used.IsEndedAsync()).ShouldBeTrue();
        proxy.Requests().Single().Key.Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_connection_over_its_maximum_duration_ends_with_its_next_answer()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, "\"common_http_protocol_options\": {\"max_connection_duration\": \"0.4s\"}");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync())["connection"].ShouldBeNull();
        await Task.Delay(500, Stop);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["connection"]).ShouldBe((200, "close"));
        (await client.IsEndedAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task An_upstream_connection_over_its_maximum_duration_takes_no_more_requests()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], """
            {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              "common_http_protocol_options": {"max_connection_duration": "0.3s"}, "explicit_http_config": {"http_protocol_options": {}}}}}
            """).Listen(ProxyUnderTest.RouteAll());
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
            await Task.Delay(400, Stop);
        }
        backend.Connections.ShouldBe(2);
    }

    [Fact]
    public async Task A_connection_that_is_not_made_within_connect_timeout_is_answered_502()
    {
        using var hole = new BlackHole();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [hole.Address], "{\"connect_timeout\": \"0.2s\"}")
            .Listen(ProxyUnderTest.RouteAll("\"retry_policy\": {\"num_retries\": 0}"));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((502, "connect-timeout"));
    }

    [Fact]
    public async Task A_handshake_that_is_not_done_within_its_limit_ends_the_connection()
    {
        var authority = new TestAuthority();
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).ListenTls(
            ProxyUnderTest.RouteAll(), new ServerTls(new ServerTlsSettings { Certificate = authority.Issue("server").Load(), ClientRoots = authority.Roots }, TimeProvider.System),
            handshake: TimeSpan.FromMilliseconds(300));
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync(new byte[] { 22, 3, 1, 0, 200, 1 }); // the beginning of a ClientHello
        var clock = Stopwatch.StartNew();
        (await client.IsEndedAsync()).ShouldBeTrue();
        clock.Elapsed.ShouldBeInRange(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(8), "well before the default of 10 s");
    }

    [Fact]
    public async Task A_closing_connection_waits_for_the_client_no_longer_than_delayed_close_timeout()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, "\"delayed_close_timeout\": \"0.3s\"");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("NOT HTTP\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(400);
        (await client.IsEndedAsync()).ShouldBeTrue("our direction has ended and the client's is still open");
        await client.SendAsync("x"); // still taken, and dropped
        for (var i = 0; i < 100 && proxy.Requests().Count > 0; i++)
        {
            try
            {
                await client.SendAsync("x");
            }
            catch (SocketException)
            {
                return; // closed: what comes now is answered by a reset
            }
            await Task.Delay(50, Stop);
        }
        Assert.Fail("the connection was still open after 5 s");
    }

    [Fact]
    public async Task The_timeout_of_a_route_is_the_faults_of_nobody_who_answered_in_time()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy(backend, action: "\"idle_timeout\": \"0.2s\"");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
            await Task.Delay(300, Stop); // idle between requests is the connection's, not the exchange's
        }
        proxy.Requests().Single().Key.Fault.ShouldBe(Fault.None);
    }
}
