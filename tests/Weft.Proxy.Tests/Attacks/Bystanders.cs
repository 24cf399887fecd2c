using System.Diagnostics;
using Weft.Proxy.Tests.Http2.Wire;
using Weft.Proxy.Tests.Pipelines;

namespace Weft.Proxy.Tests.Attacks;

/// <param name="Worst">The slowest answer.</param>
internal sealed record BystanderReport(int Requests, IReadOnlyList<string> Failures, TimeSpan Worst);

/// <summary>Two well-behaved clients of the attacked proxy, one with HTTP/1.1 and one with HTTP/2, with a request each every few milliseconds on connections that stay.</summary>
internal sealed class Bystanders : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new(); // guards what follows
    private readonly List<string> _failures = [];
    private readonly Task[] _clients;
    private TimeSpan _worst;
    private int _requests;

    public Bystanders(AttackTarget target) => _clients = [Task.Run(() => Http1Async(target)), Task.Run(() => Http2Async(target))];

    /// <summary>Waits until so many requests more have been made.</summary>
    public async Task WaitAsync(int requests)
    {
        var until = Requests + requests;
        for (var clock = Stopwatch.StartNew(); Requests < until && clock.Elapsed < TimeSpan.FromSeconds(10) && !Array.Exists(_clients, c => c.IsCompleted);) await Task.Delay(5);
    }

    public async Task<BystanderReport> StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
        return new BystanderReport(_requests, _failures, _worst);
    }

    public void Dispose() => _stop.Cancel();

    private int Requests
    {
        get { lock (_lock) return _requests; }
    }

    private async Task Http1Async(AttackTarget target)
    {
        try
        {
            using var client = await RawClient.ConnectAsync(target.Address);
            while (!_stop.IsCancellationRequested)
            {
                var clock = Stopwatch.StartNew();
                await client.SendAsync("GET /bystander HTTP/1.1\r\nHost: a\r\n\r\n");
                var response = await client.ReadResponseAsync();
                Note(clock.Elapsed, response is { Status: 200, Body: "ok" } ? null : $"HTTP/1.1: {response.StatusLine} {response.Body}");
                await Task.Delay(5);
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or OperationCanceledException or TimeoutException)
        {
            Note(TimeSpan.Zero, $"HTTP/1.1: {e.Message}");
        }
    }

    private async Task Http2Async(AttackTarget target)
    {
        try
        {
            using var client = await Http2Peer.ConnectAsync(target.Address);
            client.AutoCredit = true;
            for (var stream = 1; !_stop.IsCancellationRequested; stream += 2)
            {
                var clock = Stopwatch.StartNew();
                await client.SendAsync(Http2.Conformance.Requests.Get(stream, "/bystander"));
                await client.UntilAsync(p => p.Stream(stream).IsOver);
                var answer = client.Stream(stream);
                Note(clock.Elapsed, answer is { Status: 200, Ended: true, Text: "ok" } ? null : $"HTTP/2: {answer.Status} {answer.Reset} {client.GoAway} {answer.Text}");
                if (client.IsClosed) return;
                client.Streams.Remove(stream);
                client.Frames.Clear();
                await Task.Delay(5);
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or TimeoutException)
        {
            Note(TimeSpan.Zero, $"HTTP/2: {e.Message}");
        }
    }

    private void Note(TimeSpan took, string? failure)
    {
        lock (_lock)
        {
            _requests++;
            if (took > _worst) _worst = took;
            if (failure is not null) _failures.Add(failure);
        }
    }
}
