using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>
/// Two instances of a service of bytes whose proxies are restarted in turn, and 20 connections over mutual TLS, each with a line there and back every 100 ms. Half of them end by themselves, sooner than a
/// drain lasts; the others never do, and come again when they were ended.
/// </summary>
public sealed class ByteRestartTests(ITestOutputHelper output)
{
    private const int Each = 10;

    private readonly ConcurrentQueue<Cut> _cuts = new();
    private readonly ConcurrentQueue<string> _wrong = new();
    private long _opened;
    private long _whole;
    private long _lines;

    private sealed record Cut(long At, bool Lasting);

    /// <param name="Until">The earliest moment at which it may have ended a connection.</param>
    /// <param name="Counted">What the proxy says that it has ended by its drain; null where it was gone before it could be asked.</param>
    private sealed record Drained(long From, long Until, long Gone, long? Counted);

    [Fact(Timeout = 900_000)]
    public async Task Restarting_one_server_proxy_after_the_other_cuts_no_connection_before_its_drain_is_over_and_counts_what_it_cuts_then()
    {
        var isLong = Environment.GetEnvironmentVariable("WEFT_LONG") == "1";
        var (restarts, drainSeconds) = isLong ? (50, 3) : (2, 2);
        await using var first = new GreetingServer("one");
        await using var second = new GreetingServer("two");
        await using var mesh = await MeshUnderTest.StartAsync();
        var local = Ports.Free();
        Sidecar[] servers =
        [
            await mesh.AddAsync("ledger", first.Port, workload: "ledger-a", protocol: "tcp", called: 5432, drainSeconds: drainSeconds),
            await mesh.AddAsync("ledger", second.Port, workload: "ledger-b", protocol: "tcp", called: 5432, drainSeconds: drainSeconds),
        ];
        var client = await mesh.AddAsync("client", 0, upstreams: new Dictionary<int, string> { [local] = "ledger.default:5432" });
        using var stop = new CancellationTokenSource();
        var talking = Enumerable.Range(0, 2 * Each).Select(i => TalkAsync(local, i < Each ? TimeSpan.FromSeconds(drainSeconds * 0.6) : null, stop.Token)).ToList();

        var drains = new List<Drained>();
        for (var i = 0; i < restarts; i++)
        {
            var server = servers[i % servers.Length];
            await Task.Delay(500, TestContext.Current.CancellationToken);
            var (from, counted) = (0L, default(long?));
            await mesh.RestartAsync(server, async () =>
            {
                from = Stopwatch.GetTimestamp();
                if (i % 4 is 0 or 3) counted = await DrainAsync(server); // both servers, in both ways
            });
            drains.Add(new Drained(from, from + drainSeconds * Stopwatch.Frequency, Stopwatch.GetTimestamp(), counted));
        }
        await stop.CancelAsync();
        await Task.WhenAll(talking);
        await EventuallyAsync(async () => await MetricAsync(client, "weft_tcp_connections_active") == 0);

        // A drain may be shorter than its time only if nothing is open; half of the connections are open for ever.
        var early = _cuts.Where(c => !drains.Exists(d => c.At >= d.Until && c.At <= d.Gone)).ToList();
        output.WriteLine($"{restarts} restarts with {2 * Each} connections open: {_opened} connections, {_lines} lines there and back, {_whole} ended by themselves, {_cuts.Count} reset after a drain's {drainSeconds} s, {early.Count} before; "
            + $"the drains that could be asked counted {drains.Sum(d => d.Counted)} of {_cuts.Count(c => drains.Exists(d => d.Counted is not null && c.At >= d.Until && c.At <= d.Gone))}");
        _wrong.ShouldBeEmpty();
        early.ShouldBeEmpty($"connections were cut {string.Join(", ", early.Select(c => Nearest(c, drains)))}");
        _cuts.ShouldAllBe(c => c.Lasting, "who ends within the drain's time is not cut");
        foreach (var drain in drains.Where(d => d.Counted is not null)) drain.Counted.ShouldBe(_cuts.Count(c => c.At >= drain.Until && c.At <= drain.Gone), "the server's proxy counts what it has reset as draining");
        drains.Count(d => d.Counted > 0).ShouldBeGreaterThan(0);
        (await MetricAsync(client, "weft_tcp_connections_closed_total", "fault=\"upstream-reset\"")).ShouldBe(_cuts.Count, "the client's proxy counts each as the endpoint's reset");
        (await MetricAsync(client, "weft_tcp_connections_closed_total", "fault=\"\"")).ShouldBe(_whole, "and nothing that has ended well");
        foreach (var server in servers) server.Log.ShouldNotContain("survived");
    }

    /// <summary>A line every 100 ms. Ends its connection after <paramref name="life"/>, and begins another.</summary>
    private async Task TalkAsync(int port, TimeSpan? life, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await ByteClient.DialAsync(port, CancellationToken.None);
                Interlocked.Increment(ref _opened);
                (await connection.ReadLineAsync(CancellationToken.None)).ShouldStartWith("220 ");
                var began = Stopwatch.GetTimestamp();
                for (var i = 0; !stop.IsCancellationRequested && !(Stopwatch.GetElapsedTime(began) > life); i++)
                {
                    (await connection.EchoAsync($"{i}", CancellationToken.None)).ShouldBe($"{i}");
                    Interlocked.Increment(ref _lines);
                    await Task.Delay(100, CancellationToken.None);
                }
                (await connection.EndAsync(CancellationToken.None)).ShouldStartWith("bye ");
                Interlocked.Increment(ref _whole);
            }
            catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
            {
                _cuts.Enqueue(new Cut(Stopwatch.GetTimestamp(), life is null));
            }
            catch (Exception e)
            {
                _wrong.Enqueue(e.Message); // an end that is no reset, a line that is not its own, nobody who listens
            }
        }
    }

    /// <summary>As <c>weft run</c> does before it ends its application: what others call is drained, and the proxy lives on and can be asked.</summary>
    /// <returns>The connections that the drain has ended.</returns>
    private static async Task<long> DrainAsync(Sidecar server)
    {
        using var http = new HttpClient();
        (await http.PostAsync($"http://127.0.0.1:{server.Admin}/drain_listeners?inboundonly", null)).EnsureSuccessStatusCode();
        await EventuallyAsync(async () => await MetricAsync(server, "weft_tcp_connections_active") == 0);
        return await MetricAsync(server, "weft_tcp_connections_closed_by_drain_total");
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        for (var i = 0; !await holds(); i++)
        {
            i.ShouldBeLessThan(300);
            await Task.Delay(100);
        }
    }

    /// <summary>The sum of a metric's samples with <paramref name="label"/>.</summary>
    private static async Task<long> MetricAsync(Sidecar sidecar, string name, string label = "")
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync($"http://127.0.0.1:{sidecar.Admin}/metrics");
        return text.Split('\n').Where(l => l.StartsWith(name + "{", StringComparison.Ordinal) && l.Contains(label, StringComparison.Ordinal)).Sum(l => long.Parse(l[(l.LastIndexOf(' ') + 1)..]));
    }

    private static string Nearest(Cut cut, List<Drained> drains) =>
        drains.FindLast(d => d.From <= cut.At) is { } drain ? $"{Stopwatch.GetElapsedTime(drain.From, cut.At).TotalMilliseconds:0} ms after a drain began" : "before any drain";
}
