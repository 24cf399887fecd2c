using System.Threading.Channels;
using Envoy.Service.Discovery.V3;
using Weft.Grpc;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// The connection to the management server: opens the stream, carries messages between it and the configuration thread, and opens it again
/// when it breaks. While it is away, what is in use stays in use.
/// </summary>
/// <param name="thread">Where the subscriber lives.</param>
/// <param name="subscriber">The protocol and the configuration.</param>
/// <param name="clients">The server's addresses, tried in turn; at least one.</param>
/// <param name="random">Jitter: seed it differently in each process, or a fleet reconnects in step.</param>
internal sealed class AdsClient(
    ConfigThread thread, AdsSubscriber subscriber, IReadOnlyList<GrpcClient> clients, ConfigLimits limits, Random random, TimeProvider time)
{
    private Channel<DeltaDiscoveryRequest>? _outgoing; // of the open stream; configuration thread only
    private string? _lastFailure;
    private bool _connected;

    /// <summary>Whether a stream is open and has answered.</summary>
    public bool IsConnected => Volatile.Read(ref _connected);

    /// <summary>Why the last stream ended, in one sentence; null after a success.</summary>
    public string? LastFailure => Volatile.Read(ref _lastFailure);

    /// <summary>Told of a failure to connect or to keep the stream, and again when the reason is another one.</summary>
    public Action<string>? Warn { get; set; }

    /// <summary>Runs until <paramref name="stop"/>. Call once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        for (var failures = 0; !stop.IsCancellationRequested;)
        {
            var answered = false;
            try
            {
                await StreamAsync(clients[failures % clients.Count], () => answered = true, stop).ConfigureAwait(false);
                Fail("the management server ended the stream");
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (GrpcException e)
            {
                Fail(e.Message);
            }
            finally
            {
                Volatile.Write(ref _connected, false);
                thread.Post(Closed);
            }
            failures = answered ? 1 : failures + 1;
            await Task.Delay(Pause(failures), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Called on the configuration thread after each batch: sends what the turn has brought about.</summary>
    public void Turn()
    {
        foreach (var request in subscriber.Turn()) _outgoing?.Writer.TryWrite(request);
    }

    /// <summary>Doubling, bounded, half of it chance.</summary>
    internal TimeSpan Pause(int failures)
    {
        var doubled = limits.FirstRetry * Math.Pow(2, Math.Min(failures - 1, 30));
        return (doubled < limits.LongestRetry ? doubled : limits.LongestRetry) * (0.5 + (0.5 * random.NextDouble()));
    }

    private async Task StreamAsync(GrpcClient client, Action answered, CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await using var call = await client.DuplexAsync(AdsMethods.Delta, cancellation: ended.Token).ConfigureAwait(false);
        var outgoing = Channel.CreateUnbounded<DeltaDiscoveryRequest>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        thread.Post(() =>
        {
            _outgoing = outgoing;
            subscriber.OnOpened();
        });
        var writing = WriteAsync(call, outgoing.Reader, ended.Token);
        try
        {
            await foreach (var response in call.ReadAllAsync(ended.Token).ConfigureAwait(false))
            {
                answered();
                Volatile.Write(ref _connected, true);
                Volatile.Write(ref _lastFailure, null);
                thread.Post(() => subscriber.OnResponse(response));
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task WriteAsync(
        GrpcDuplexCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call, ChannelReader<DeltaDiscoveryRequest> outgoing, CancellationToken ended)
    {
        // A failure to write comes out of the reading side too, with the server's reason.
        await foreach (var request in outgoing.ReadAllAsync(ended).ConfigureAwait(false)) await call.WriteAsync(request, ended).ConfigureAwait(false);
    }

    private void Closed()
    {
        _outgoing = null;
        subscriber.OnClosed();
    }

    private void Fail(string message)
    {
        // Once, and not with every attempt: /ready, /why and the metrics go on saying so.
        if (Interlocked.Exchange(ref _lastFailure, message) != message) Warn?.Invoke($"management server: {message}");
    }
}
