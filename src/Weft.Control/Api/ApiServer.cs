using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Weft.Control.Store;

namespace Weft.Control.Api;

/// <summary>An endpoint of Weft's own beside the Kubernetes-shaped ones.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Whole path: <c>/weft/v1/stat</c>.</param>
public sealed record WeftEndpoint(string Method, string Path, Func<HttpContext, Task> HandleAsync);

/// <summary>The resource API over Kestrel: one place where a request becomes an operation and a failure becomes a status.</summary>
public sealed partial class ApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ObjectEndpoints _objects;
    private readonly Dictionary<(string, string), Func<HttpContext, Task>> _weft;
    private readonly ILogger _log;

    /// <param name="address">Where to listen; port 0 for any.</param>
    /// <param name="tokens">Issues join tokens; null where there is no certificate authority.</param>
    /// <param name="endpoints">Weft's own endpoints.</param>
    internal ApiServer(
        IPEndPoint address, ObjectService objects, TokenEndpoint? tokens, IEnumerable<WeftEndpoint> endpoints, TimeProvider time, ApiOptions options,
        ILoggerFactory logs)
    {
        _log = logs.CreateLogger<ApiServer>();
        _objects = new ObjectEndpoints(objects, new PagedLists(objects.Store, options), new WatchEndpoint(objects.Store, time, options, _stopping.Token), tokens, time, options);
        _weft = endpoints.ToDictionary(e => (e.Method, e.Path), e => e.HandleAsync);
        _weft[("POST", "/weft/v1/apply")] = new ApplyEndpoint(new ApplyAll(objects, time, options), options).HandleAsync;

        _app = KestrelHost.Create(logs, kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // bounded by MaxBodyBytes, with an answer that says so
            kestrel.Listen(address, listen => listen.Protocols = HttpProtocols.Http1);
        });
        _app.Run(HandleAsync);
    }

    /// <summary>Where it listens: the real port after <see cref="StartAsync"/>.</summary>
    public IPEndPoint Address { get; private set; } = new(IPAddress.None, 0);

    public async Task StartAsync(CancellationToken cancel)
    {
        await _app.StartAsync(cancel);
        Address = KestrelHost.AddressOf(_app);
    }

    /// <summary>Ends watches, lets other requests finish, and closes the port.</summary>
    public async Task StopAsync(CancellationToken cancel)
    {
        await _stopping.CancelAsync();
        await _app.StopAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _app.DisposeAsync();
        _stopping.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        try
        {
            await DispatchAsync(context);
        }
        catch (ApiException e)
        {
            await FailAsync(context, e.Status);
        }
        catch (HistoryGoneException e)
        {
            await FailAsync(context, ApiStatus.Expired(e.Message));
        }
        catch (StoreUnavailableException e)
        {
            Log.StoreRefused(_log, e.Message);
            await FailAsync(context, e.OutOfSpace ? ApiStatus.InsufficientStorage(e.Message) : ApiStatus.Unavailable(e.Message));
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // the client has gone
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            await FailAsync(context, ApiStatus.BadRequest(e.Message));
        }
        catch (Exception e)
        {
            Log.RequestFailed(_log, context.Request.Method, context.Request.Path, e);
            await FailAsync(context, new ApiStatus(500, "InternalError", "the request failed inside the server; its log says why"));
        }
    }

    private Task DispatchAsync(HttpContext context)
    {
        var request = context.Request;
        if (RequestGuard.Refuse(request, context.Connection.LocalIpAddress) is { } refused) throw new ApiException(refused);
        var path = request.Path.Value ?? "/";
        if (_weft.TryGetValue((request.Method, path), out var weft)) return weft(context);
        if (request.Method == "GET" && path is "/healthz" or "/livez" or "/readyz") return context.Response.WriteAsync("ok", context.RequestAborted);
        if (request.Method == "GET" && DiscoveryEndpoints.Find(path, WeftVersion.Text) is { } discovery) return Reply.JsonAsync(context, 200, discovery);
        return ApiPath.Parse(path) is { } objects ? _objects.HandleAsync(context, objects) : throw new ApiException(ApiStatus.NoSuchPath(path));
    }

    /// <summary>Once the head is out the connection is cut instead: a client must not take half an answer for a whole one.</summary>
    private static Task FailAsync(HttpContext context, ApiStatus status)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }
        if (status.Code == 429) context.Response.Headers.RetryAfter = "1";
        return Reply.StatusAsync(context, status);
    }

    private static partial class Log
    {
        [LoggerMessage(4000, LogLevel.Error, "{Method} {Path} failed")]
        public static partial void RequestFailed(ILogger log, string method, PathString path, Exception e);

        [LoggerMessage(4001, LogLevel.Error, "a write was refused: {Reason}")]
        public static partial void StoreRefused(ILogger log, string reason);
    }
}
