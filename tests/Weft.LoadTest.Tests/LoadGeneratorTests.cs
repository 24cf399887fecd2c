using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Shouldly;
using Weft.LoadTest.Engine;
using Weft.LoadTest.Reports;
using Xunit;

namespace Weft.LoadTest.Tests;

/// <summary>Real sockets. No test asserts speed: lower bounds of latency only, and counts.</summary>
public sealed class LoadGeneratorTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static LoadOptions Options(Uri target, double rate = 200, double seconds = 0.5) =>
        new() { Target = target, Rate = rate, Duration = TimeSpan.FromSeconds(seconds), Connections = 4, Timeout = TimeSpan.FromSeconds(15) };

    private static async Task<LoadReport> RunAsync(LoadOptions options, CancellationToken stop = default) =>
        await LoadGenerator.RunAsync(options, stop).WaitAsync(TimeSpan.FromSeconds(60));

    [Fact]
    public async Task Every_scheduled_request_is_sent_and_answered()
    {
        await using var server = StubServer.Answering(Ok);
        var report = await RunAsync(Options(server.Url));
        (report.Requests, report.Succeeded, report.Failed, server.Requests).ShouldBe((100, 100, 0, 100));
        report.Statuses.ShouldBe(new Dictionary<int, long> { [200] = 100 });
        report.Latency.Count.ShouldBe(100);
        report.ConnectionsOpened.ShouldBeInRange(1, 4);
        server.LastHead.ShouldBe($"GET /path HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n\r\n");
    }

    [Fact]
    public async Task Stall_of_the_server_is_seen_by_all_requests_that_were_due_meanwhile()
    {
        // One connection; the tenth request takes 400 ms. A closed loop would report one slow request in a hundred.
        await using var server = StubServer.Answering(async number =>
        {
            if (number == 10) await Task.Delay(400);
            return Ok;
        });
        var report = await RunAsync(Options(server.Url) with { Connections = 1 });
        report.Succeeded.ShouldBe(100);
        report.LatencyMs.Max.ShouldBeGreaterThan(390);
        report.LatencyMs.P50.ShouldBeGreaterThan(20, "about eighty requests were due during the stall");
    }

    [Fact]
    public async Task Warm_up_is_sent_and_not_counted()
    {
        await using var server = StubServer.Answering(number => Task.FromResult(number <= 10 ? "HTTP/1.1 500 Cold\r\nContent-Length: 0\r\n\r\n" : Ok));
        var report = await RunAsync(Options(server.Url) with { WarmUp = TimeSpan.FromSeconds(0.5), Connections = 1 });
        (server.Requests, report.Requests, report.Failed).ShouldBe((200, 100, 0));
    }

    [Fact]
    public async Task Refused_connections_are_failures()
    {
        var unused = new TcpListener(IPAddress.Loopback, 0);
        unused.Start();
        var port = ((IPEndPoint)unused.LocalEndpoint).Port;
        unused.Stop();
        var report = await RunAsync(Options(new Uri($"http://127.0.0.1:{port}/")));
        report.Failures.ShouldBe(new Dictionary<LoadFailure, long> { [LoadFailure.ConnectFailure] = 100 });
        report.FirstFailures[0].Detail.ShouldBe("ConnectionRefused");
    }

    [Fact]
    public async Task Statuses_other_than_2xx_are_failures_and_the_first_are_described()
    {
        await using var server = StubServer.Answering(number =>
            Task.FromResult(number % 4 == 0 ? "HTTP/1.1 503 Service Unavailable\r\nx-weft-fault: no-endpoint\r\nContent-Length: 0\r\n\r\n" : Ok));
        var report = await RunAsync(Options(server.Url));
        report.Failures.ShouldBe(new Dictionary<LoadFailure, long> { [LoadFailure.Status] = 25 });
        report.Statuses.ShouldBe(new Dictionary<int, long> { [200] = 75, [503] = 25 });
        report.FirstFailures[0].Detail.ShouldBe("HTTP/1.1 503 Service Unavailable x-weft-fault: no-endpoint");
    }

    [Fact]
    public async Task Connection_closed_instead_of_an_answer_is_a_failure_and_nothing_is_retried()
    {
        await using var server = new StubServer(async (s, socket) =>
        {
            while (await s.ReadRequestAsync(socket) is { } number)
            {
                if (number % 10 == 0) return;
                await socket.SendAsync(Encoding.Latin1.GetBytes(Ok));
            }
        });
        var report = await RunAsync(Options(server.Url));
        report.Failures.ShouldBe(new Dictionary<LoadFailure, long> { [LoadFailure.Closed] = 10 });
        server.Requests.ShouldBe(100);
    }

    [Fact]
    public async Task Reset_is_a_failure_of_its_own()
    {
        await using var server = new StubServer(async (s, socket) =>
        {
            await s.ReadRequestAsync(socket);
            socket.LingerState = new LingerOption(true, 0);
        });
        var report = await RunAsync(Options(server.Url));
        report.Failures.ShouldBe(new Dictionary<LoadFailure, long> { [LoadFailure.Reset] = 100 });
    }

    [Fact]
    public async Task Idle_connection_that_the_server_closes_is_opened_again_without_a_failure()
    {
        await using var server = new StubServer(async (s, socket) =>
        {
            await s.ReadRequestAsync(socket);
            await socket.SendAsync(Encoding.Latin1.GetBytes(Ok));
        });
        // Far apart, so that the close arrives before the next request leaves.
        var report = await RunAsync(Options(server.Url, rate: 10, seconds: 1) with { Connections = 2 });
        (report.Succeeded, report.Failed).ShouldBe((10, 0));
        report.ConnectionsOpened.ShouldBe(10);
    }

    [Fact]
    public async Task Unanswered_requests_time_out_whether_sent_or_not_and_count_with_their_wait()
    {
        await using var server = new StubServer(async (s, socket) =>
        {
            while (await s.ReadRequestAsync(socket) is not null) await Task.Delay(Timeout.Infinite);
        });
        var report = await RunAsync(Options(server.Url) with { Connections = 2, Timeout = TimeSpan.FromMilliseconds(300) });
        report.Failures.ShouldBe(new Dictionary<LoadFailure, long> { [LoadFailure.Timeout] = 100 });
        report.LatencyMs.P50.ShouldBeGreaterThan(299);
    }

    [Fact]
    public async Task Bytes_that_are_not_http_are_malformed()
    {
        await using var server = StubServer.Answering("SSH-2.0-OpenSSH_9.2\r\n\r\n");
        var report = await RunAsync(Options(server.Url));
        report.Failures.ShouldBe(new Dictionary<LoadFailure, long> { [LoadFailure.Malformed] = 100 });
    }

    [Fact]
    public async Task Proxy_is_asked_in_absolute_form_for_a_name_that_only_it_knows()
    {
        await using var server = StubServer.Answering(Ok);
        var options = Options(new Uri("http://catalog.shop/items")) with { Proxy = new Uri($"http://127.0.0.1:{server.Port}") };
        (await RunAsync(options)).Failed.ShouldBe(0);
        server.LastHead.ShouldStartWith("GET http://catalog.shop/items HTTP/1.1\r\nHost: catalog.shop\r\n");
    }

    [Fact]
    public async Task Large_body_is_sent_whole()
    {
        var received = 0L;
        await using var server = new StubServer(async (_, socket) =>
        {
            var buffer = new byte[64 * 1024];
            while (true)
            {
                var head = await socket.ReceiveAsync(buffer);
                if (head == 0) return;
                var text = Encoding.Latin1.GetString(buffer, 0, head);
                var body = head - text.IndexOf("\r\n\r\n", StringComparison.Ordinal) - 4;
                while (body < 1_000_000) body += await socket.ReceiveAsync(buffer);
                Interlocked.Add(ref received, body);
                await socket.SendAsync(Encoding.Latin1.GetBytes(Ok));
            }
        });
        var report = await RunAsync(Options(server.Url, rate: 20) with { Method = "POST", Body = new byte[1_000_000] });
        report.Succeeded.ShouldBe(10);
        received.ShouldBe(10_000_000);
    }

    [Fact]
    public async Task Stopped_run_reports_what_it_did()
    {
        await using var server = StubServer.Answering(Ok);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var report = await RunAsync(Options(server.Url, seconds: 600), stop.Token);
        report.StoppedEarly.ShouldBeTrue();
        report.Seconds.ShouldBeInRange(0.29, 30);
        report.Requests.ShouldBe(server.Requests);
        report.Failed.ShouldBe(0);
    }

    [Fact]
    public async Task Steady_load_allocates_nothing_per_request()
    {
        await using var server = StubServer.Answering(Ok);
        var loop = new LoadLoop(Options(server.Url, rate: 2000, seconds: 1), new IPEndPoint(IPAddress.Loopback, server.Port));
        var before = GC.GetAllocatedBytesForCurrentThread();
        loop.Run(CancellationToken.None).Succeeded.ShouldBe(2000);
        // Connections and the report itself cost something; 2,000 requests must not show.
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(2000 * 50);
    }

    [Fact]
    public async Task Report_reads_as_table_and_as_json()
    {
        await using var server = StubServer.Answering(Ok);
        var report = await RunAsync(Options(server.Url));
        ReportText.Table(report).ShouldContain("p99.9");
        using var json = JsonDocument.Parse(ReportText.Json(report));
        json.RootElement.GetProperty("requests").GetInt64().ShouldBe(100);
        json.RootElement.GetProperty("failed").GetInt64().ShouldBe(0);
        json.RootElement.GetProperty("latencyMs").GetProperty("p99").GetDouble().ShouldBeGreaterThan(0);
        json.RootElement.GetProperty("statuses").GetProperty("200").GetInt64().ShouldBe(100);
    }
}
