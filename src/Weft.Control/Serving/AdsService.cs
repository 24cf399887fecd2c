using Envoy.Service.Discovery.V3;
using Microsoft.Extensions.Logging;
using Weft.Control.Api;
using Weft.Control.Insights;
using Weft.Control.Model;
using Weft.Control.Store;
using Weft.Control.Translation;
using Weft.Grpc;
using Weft.Identity;
using Weft.Resources;
using Weft.Xds;

namespace Weft.Control.Serving;

/// <summary>
/// The configuration streams. Each is one loop that owns its <see cref="DeltaServerStream"/>: it takes the client's next request or the newest mesh,
/// whichever is there, and writes what follows from it. While a write waits for a slow client nothing is queued: the loop then takes the newest
/// mesh and skips those between.
/// </summary>
public sealed partial class AdsService(
    ResourceStore store, Latest<MeshModel> models, Translator translator, TrustBundle roots, ProxyRegistry proxies, ServingOptions options,
    TimeProvider time, CancellationToken stopping, ILoggerFactory logs)
{
    private readonly ILogger _log = logs.CreateLogger<AdsService>();
    // One instance, so that the translation of the secret is shared.
    private readonly string _roots = System.Text.Encoding.ASCII.GetString(roots.ToPem());

    public async Task HandleAsync(GrpcServerCall call, KestrelExchange exchange)
    {
        var identity = exchange.RequireIdentity();
        var first = await FirstRequestAsync(call);
        if (!NodeInfo.TryRead(first.Node, out var node, out var error)) throw new GrpcException(GrpcStatusCode.InvalidArgument, error);
        RequireMatch(node, identity);

        using var session = proxies.Open(node, first.Node.UserAgentName, first.Node.UserAgentBuildVersion?.Version is { } v ? $"{v.MajorNumber}.{v.MinorNumber}.{v.Patch}" : first.Node.UserAgentVersion, exchange.RemoteAddress);
        Log.Connected(_log, node.Id, identity.Text, exchange.RemoteAddress);
        try
        {
            await RunAsync(call, exchange, node, first, session);
        }
        finally
        {
            Log.Disconnected(_log, node.Id);
        }
    }

    private async Task RunAsync(GrpcServerCall call, KestrelExchange exchange, NodeInfo node, DeltaDiscoveryRequest first, ProxySession session)
    {
        // The client learns at once that it is welcome; the first response may be long in coming when it asks for what does not exist.
        await call.SendHeadAsync();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, stopping);
        var certificateEnds = Task.Delay(Until(exchange.Identity!.Client.NotAfter), time, over.Token);
        var stopped = Task.Delay(Timeout.InfiniteTimeSpan, time, over.Token);

        var stream = new DeltaServerStream(options.Streams, $"weft {WeftVersion.Text}");
        await WriteAsync(call, stream.OnRequest(first));
        MeshModel? served = null;
        NodeSnapshot? snapshot = null;
        var reading = call.ReadAsync(DeltaDiscoveryRequest.Parser).AsTask();
        try
        {
            while (true)
            {
                if (models.Value is var newest && !ReferenceEquals(newest, served))
                {
                    served = newest;
                    snapshot = translator.Snapshot(newest, node, _roots, snapshot);
                    await WriteAsync(call, stream.OnSnapshot(snapshot));
                }
                session.Report(stream, snapshot!);
                await Task.WhenAny(reading, models.WhenNot(newest), certificateEnds, stopped);
                if (stopping.IsCancellationRequested) throw new GrpcException(GrpcStatusCode.Unavailable, "the control plane is stopping: connect again");
                if (certificateEnds.IsCompletedSuccessfully)
                {
                    exchange.CloseConnectionGracefully();
                    throw new GrpcException(GrpcStatusCode.Unavailable, "the certificate of this connection has ended: connect again with the renewed one");
                }
                if (!reading.IsCompleted) continue;
                if (await reading is not { } request) return;
                await WriteAsync(call, stream.OnRequest(request));
                reading = call.ReadAsync(DeltaDiscoveryRequest.Parser).AsTask();
            }
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    private async Task<DeltaDiscoveryRequest> FirstRequestAsync(GrpcServerCall call)
    {
        var read = call.ReadAsync(DeltaDiscoveryRequest.Parser).AsTask();
        try
        {
            return await read.WaitAsync(options.FirstRequestTimeout, time) is { Node: not null } first
                ? first
                : throw new GrpcException(GrpcStatusCode.InvalidArgument, "the first request of a stream needs a node");
        }
        catch (TimeoutException)
        {
            throw new GrpcException(GrpcStatusCode.DeadlineExceeded, $"no request within {options.FirstRequestTimeout.TotalSeconds} s (FirstRequestTimeout)");
        }
    }

    /// <summary>Configuration is for who it is about: the node must be a workload of the identity that the certificate proves.</summary>
    private void RequireMatch(NodeInfo node, SpiffeId identity)
    {
        var stored = store.Current.Find(ResourceKinds.Workload, node.Namespace, node.Workload) as Workload;
        var account = stored?.ServiceAccount ?? node.ServiceAccount;
        if (identity.TryGetServiceAccount(out var ns, out var name) && ns == node.Namespace && name == account) return;
        Log.WrongNode(_log, node.Id, identity.Text);
        throw new GrpcException(GrpcStatusCode.PermissionDenied,
            $"node {node.Id} is a workload of service account {account} in namespace {node.Namespace}; the certificate is {identity}");
    }

    private TimeSpan Until(DateTimeOffset moment)
    {
        var left = moment - time.GetUtcNow();
        // Timers take at most 49 days; a certificate lives hours.
        return left <= TimeSpan.Zero ? TimeSpan.Zero : left < TimeSpan.FromDays(40) ? left : TimeSpan.FromDays(40);
    }

    private static async Task WriteAsync(GrpcServerCall call, IReadOnlyList<DeltaDiscoveryResponse> responses)
    {
        foreach (var response in responses) await call.WriteAsync(response);
    }

    private static partial class Log
    {
        [LoggerMessage(4200, LogLevel.Information, "proxy {Node} connected from {Address} as {Identity}")]
        public static partial void Connected(ILogger log, string node, string identity, string address);

        [LoggerMessage(4201, LogLevel.Information, "proxy {Node} disconnected")]
        public static partial void Disconnected(ILogger log, string node);

        [LoggerMessage(4202, LogLevel.Warning, "node {Node} was asked for under the identity {Identity}, which it does not have")]
        public static partial void WrongNode(ILogger log, string node, string identity);
    }
}
