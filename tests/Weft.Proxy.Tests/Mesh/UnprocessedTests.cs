using System.Net;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>An application that is gone behind a living proxy: what it has not seen a byte of goes to another one, whatever the method.</summary>
public sealed class UnprocessedTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Theory]
    [InlineData("weft-h2", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("weft-h1", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("weft-h2", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")]
    [InlineData("weft-h1", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")]
    [InlineData("weft-h2", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")]
    [InlineData("weft-h2", "GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("weft-h1", "GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    public async Task A_request_goes_to_another_instance_with_its_body(string alpn, string request)
    {
        await using var application = ScriptedBackend.Answering(Ok);
        await using var gone = ScriptedBackend.Answering(Ok);
        gone.StopListening();
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, gone.Address, application.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        for (var i = 0; i < 10; i++) // whichever comes first
        {
            await client.SendAsync(request);
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }

        application.Requests.Count.ShouldBe(10, "each exactly once");
    }

    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task A_body_that_waits_to_be_asked_for_goes_to_another_instance(string alpn)
    {
        await using var application = new ScriptedBackend(async c =>
        {
            while (true)
            {
                await c.SendAsync("HTTP/1.1 100 Continue\r\n\r\n");
                if (await c.ReadRequestAsync() is null) return;
                await c.SendAsync(Ok);
            }
        });
        await using var gone = ScriptedBackend.Answering(Ok);
        gone.StopListening();
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, gone.Address, application.Address);

        for (var i = 0; i < 4; i++)
        {
            using var client = await RawClient.ConnectAsync(pair.Caller);
            await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
            var interim = await client.ReadResponseAsync();
            interim.Status.ShouldBe(100);
            await client.SendAsync("body");
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
    }

    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task When_no_instance_is_left_the_caller_is_told_that_the_connection_failed(string alpn)
    {
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, new IPEndPoint(IPAddress.Loopback, 1));
        using var client = await RawClient.ConnectAsync(pair.Caller);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var answer = await client.ReadResponseAsync();

        answer.Status.ShouldBeOneOf(502, 503);
        answer["x-weft-fault"].ShouldBe("connect-failure");
    }

    /// <summary>The called proxy sends a call again, because its own policy says so of the application's answer, and now nobody listens: what the last attempt proves is not true of the first.</summary>
    [Theory]
    [InlineData("weft-h2")]
    [InlineData("weft-h1")]
    public async Task A_call_that_an_application_has_seen_is_not_called_unprocessed_when_a_later_attempt_finds_it_gone(string alpn)
    {
        await using var one = LeavingWithItsAnswer();
        await using var other = LeavingWithItsAnswer();
        var retrying = "\"timeout\": \"0s\", \"retry_policy\": {\"retry_on\": \"unavailable,connect-failure\", \"num_retries\": 1}";
        await using var pair = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn], CalledAction = retrying }, one.Address, other.Address);
        using var client = await RawClient.ConnectAsync(pair.Caller);

        await client.SendAsync("POST /Payments/Pay HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0");
        var answer = await client.ReadResponseAsync();

        (answer.Status, answer["grpc-status"], answer["x-weft-fault"]).ShouldBe((200, "14", "connect-failure"));
        (one.Requests.Count + other.Requests.Count).ShouldBe(1, "who pays once must not pay twice");
    }

    private static ScriptedBackend LeavingWithItsAnswer()
    {
        ScriptedBackend? self = null;
        return self = new ScriptedBackend(async c =>
        {
            await c.ReadRequestAsync();
            self!.StopListening();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\ngrpc-status: 14\r\nContent-Length: 0\r\n\r\n");
        });
    }
}
