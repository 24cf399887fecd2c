using Envoy.Service.Discovery.V3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Weft.Grpc;
using Weft.Xds;

namespace Weft.Bench.Churn;

/// <summary>What the control plane has done and heard.</summary>
internal readonly record struct ChurnCounters(DateTimeOffset At, long Changes, long Acks, long Nacks);

/// <summary>
/// A control plane for one proxy: incremental ADS in plain HTTP/2, whose one assignment changes a hundred times a second while
/// <see cref="Churning"/> is set. A change that finds the last one unanswered goes out with the next, as in the real control plane.
/// </summary>
internal sealed class ChurnServer : IAsyncDisposable
{
    public const int ChangesPerSecond = 100;

    private const int Port = 18010;

    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _one = new(1, 1); // guards the stream's state machine and the order of writes
    private long _changes;
    private long _acks;
    private long _nacks;

    private ChurnServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(Port, listen => listen.Protocols = HttpProtocols.Http2));
        _app = builder.Build();
        var grpc = new GrpcServer<KestrelExchange>.Builder().Stream(AdsMethods.Delta, ServeAsync)
            .Build(new GrpcServerOptions { HandlerFailed = (path, e) => Console.Error.WriteLine($"churn server: {path}: {e}") });
        _app.Run(context => grpc.HandleAsync(new KestrelExchange(context)));
    }

    /// <summary>Whether endpoints come and go.</summary>
    public bool Churning { get; set; }

    /// <summary>What the proxy said to the last change that it refused.</summary>
    public string LastRefusal { get; private set; } = "";

    public ChurnCounters Counters => new(DateTimeOffset.UtcNow, Volatile.Read(ref _changes), Volatile.Read(ref _acks), Volatile.Read(ref _nacks));

    public static async Task<ChurnServer> StartAsync()
    {
        var server = new ChurnServer();
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _app.DisposeAsync();
        _stop.Dispose();
        _one.Dispose();
    }

    private async Task ServeAsync(GrpcServerCall call, KestrelExchange exchange)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, _stop.Token);
        var stream = new DeltaServerStream();
        await StepAsync(call, () => stream.OnSnapshot(ChurnSnapshot.After(_changes)));
        var churn = ChurnAsync(call, stream, ends.Token);
        while (await call.ReadAsync(DeltaDiscoveryRequest.Parser) is { } request)
        {
            if (request.ErrorDetail is { } refusal)
            {
                LastRefusal = refusal.Message;
                Interlocked.Increment(ref _nacks);
            }
            else if (request.ResponseNonce.Length > 0)
            {
                Interlocked.Increment(ref _acks);
            }
            await StepAsync(call, () => stream.OnRequest(request));
        }
        await ends.CancelAsync();
        await churn;
    }

    private async Task ChurnAsync(GrpcServerCall call, DeltaServerStream stream, CancellationToken stop)
    {
        using var clock = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / ChangesPerSecond));
        try
        {
            while (await clock.WaitForNextTickAsync(stop))
                if (Churning) await StepAsync(call, () => stream.OnSnapshot(ChurnSnapshot.After(Interlocked.Increment(ref _changes))));
        }
        catch (OperationCanceledException)
        {
            // The proxy or the benchmark has ended.
        }
    }

    private async Task StepAsync(GrpcServerCall call, Func<IReadOnlyList<DeltaDiscoveryResponse>> step)
    {
        await _one.WaitAsync(call.Cancellation);
        try
        {
            foreach (var response in step()) await call.WriteAsync(response);
        }
        finally
        {
            _one.Release();
        }
    }
}
