using System.Diagnostics;
using System.Net.Sockets;
using Shouldly;
using Weft.Fuzz.Http2;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>Upgrades through two proxies: whatever these speak with each other, the applications at both ends see what they said.</summary>
public sealed class UpgradesThroughMeshTests
{
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==", Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; // RFC 6455 section 1.3

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>An HTTP/1 application that switches, says hello, echoes until the client ends, and says goodbye.</summary>
    private static ScriptedBackend Application(string protocol = "websocket") => new(async c =>
    {
        while (await c.ReadHeadAsync() is { } head)
        {
            if (!head.Contains("Upgrade", StringComparison.OrdinalIgnoreCase))
            {
                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                continue;
            }
            await c.SendAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nSec-WebSocket-Accept: {Accept}\r\nX-App-Said: Hello\r\n\r\nhello");
            await c.SendAsync("echo " + await c.ReadBytesAsync(4));
            (await c.ReadHeadAsync()).ShouldBeNull();
            await c.SendAsync("bye");
            return;
        }
    });

    private static async Task<Response> TalkAsync(RawClient client, string wish)
    {
        await client.SendAsync(wish);
        var answer = await client.ReadResponseAsync();
        answer.Status.ShouldBe(101, answer.Body);
        (await client.ReadAsync(5)).ShouldBe("hello");
        await client.SendAsync("ping");
        (await client.ReadAsync(9)).ShouldBe("echo ping");
        client.Socket.Shutdown(SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe("bye");
        return answer;
    }

    [Theory]
    [InlineData("weft-h2")] // extended CONNECT on the one connection of HTTP/2
    [InlineData("weft-h1")] // a connection of its own, as between applications
    public async Task A_WebSocket_arrives_as_the_client_asked_for_it_and_its_answer_as_the_workload_gave_it(string alpn)
    {
        await using var application = Application();
        await using var mesh = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);
        var wish = $"GET /chat HTTP/1.1\r\nHost: called\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {Key}\r\nSec-WebSocket-Version: 13\r\nX-MixedCase: Kept\r\nx-weft-method: DELETE\r\n\r\n";
        for (var i = 0; i < 3; i++)
        {
            using var client = await RawClient.ConnectAsync(mesh.Caller);
            var answer = await TalkAsync(client, wish);
            answer.StatusLine.ShouldBe("HTTP/1.1 101 Switching Protocols");
            answer.Fields.Single(f => f.Name.Equals("sec-websocket-accept", StringComparison.OrdinalIgnoreCase)).ShouldBe(("Sec-WebSocket-Accept", Accept));
            answer.Fields.ShouldContain(("X-App-Said", "Hello"));
            answer.Fields.ShouldNotContain(f => f.Name.StartsWith("x-weft-", StringComparison.OrdinalIgnoreCase));
        }
        foreach (var request in application.Requests)
        {
            request.ShouldStartWith("GET /chat HTTP/1.1\r\nHost: called\r\n");
            request.ShouldContain("Connection: Upgrade\r\nUpgrade: websocket\r\n");
            request.ShouldContain($"Sec-WebSocket-Key: {Key}\r\n");
            request.ShouldContain("X-MixedCase: Kept\r\n");
            request.ToLowerInvariant().ShouldNotContain("x-weft-");
        }
        await RecordedAsync(() => mesh.CallerRequests, 3);
        await RecordedAsync(() => mesh.CalledRequests, 3);
    }

    [Fact]
    public async Task A_method_other_than_GET_arrives_too()
    {
        await using var application = Application("tcp");
        await using var mesh = MeshPair.Start(application.Address);
        using var client = await RawClient.ConnectAsync(mesh.Caller);
        await TalkAsync(client, "POST /containers/1/attach HTTP/1.1\r\nHost: called\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        application.Requests.Single().ShouldStartWith("POST /containers/1/attach HTTP/1.1\r\n");
    }

    [Theory]
    [InlineData("weft-h2", "websocket")]
    [InlineData("weft-h1", "websocket")]
    [InlineData("weft-h2", "made-up")]
    [InlineData("weft-h2", "h2c")] // whose wish the first proxy drops
    public async Task A_workload_that_ignores_an_upgrade_is_heard_as_it_answered(string alpn, string protocol)
    {
        await using var application = ScriptedBackend.Answering("HTTP/1.1 203 So They Say\r\nContent-Length: 5\r\nX-App-Said: Hello\r\n\r\nplain");
        await using var mesh = MeshPair.Start(new MeshPairOptions { CallerAlpn = [alpn] }, application.Address);

        var (code, printed) = await CurlAsync("-sSi", "--http1.1", "-H", $"Upgrade: {protocol}", "-H", "Connection: Upgrade", $"http://{mesh.Caller}/a", $"http://{mesh.Caller}/b");

        code.ShouldBe(0, printed);
        printed.Split("HTTP/1.1 203 So They Say\r\n").Length.ShouldBe(3, printed);
        printed.ShouldContain("X-App-Said: Hello\r\n");
        printed.ShouldEndWith("\r\n\r\nplain");
        printed.ToLowerInvariant().ShouldNotContain("x-weft-");
        application.Requests.Count.ShouldBe(2);
        await Eventually.TrueAsync(() => Task.FromResult(mesh.CalledRequests.Sum(r => r.Key.Status == 203 ? r.Count : 0) == 2));
    }

    private static async Task<(int Code, string Printed)> CurlAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Tool.Require("curl", "curl"), ["--max-time", "15", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var errors = process.StandardError.ReadToEndAsync(Stop);
        var printed = await process.StandardOutput.ReadToEndAsync(Stop);
        await process.WaitForExitAsync(Stop);
        return (process.ExitCode, printed + await errors);
    }

    [Fact]
    public async Task Extended_CONNECT_of_an_application_arrives_as_such()
    {
        var heard = new TaskCompletionSource<List<(string, string)>>();
        await using var application = new ScriptedBackend(async c =>
        {
            using var peer = await Http2Peer.AcceptAsync(c.Socket, [(8, 1)]);
            await peer.UntilAsync(p => p.Stream(1).Heads.Count > 0);
            heard.SetResult(peer.Stream(1).Heads[0]);
            await peer.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":status", "200")]), end: false), RawFrame.Data(1, "hello"));
            await peer.UntilAsync(p => p.Stream(1).Ended);
            await peer.SendAsync(RawFrame.Data(1, "bye", end: true));
            await peer.UntilAsync(p => p.IsClosed);
        });
        await using var mesh = MeshPair.Start(application.Address);
        using var client = await Http2Peer.ConnectAsync(mesh.Caller);
        await client.SendAsync(RawFrame.Headers(1, RawHpack.Block([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "called")]), end: false));
        await client.UntilAsync(p => p.Stream(1).Text == "hello");
        await client.SendAsync(RawFrame.Data(1, "x", end: true));
        await client.UntilAsync(p => p.Stream(1).IsOver);
        (client.Stream(1).Text, client.Stream(1).Ended).ShouldBe(("hellobye", true));
        var head = await heard.Task.WaitAsync(TimeSpan.FromSeconds(10), Stop);
        head.ShouldContain((":method", "CONNECT"));
        head.ShouldContain((":protocol", "websocket"));
        head.ShouldNotContain(f => f.Item1 == "sec-websocket-key" || f.Item1.StartsWith("x-weft-", StringComparison.Ordinal));
    }

    private static async Task RecordedAsync(Func<List<(Weft.Telemetry.Metrics.SeriesKey Key, long Count)>> read, long count)
    {
        for (var i = 0; i < 200; i++)
        {
            if (read() is [var only] && only.Key.Status == 101 && only.Count == count) return;
            await Task.Delay(25, Stop);
        }
        throw new TimeoutException($"not {count} records of status 101: {string.Join(", ", read())}");
    }
}
