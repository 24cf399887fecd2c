using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Weft.Grpc;
using Weft.Identity;

namespace Weft.Control.Serving;

/// <summary>The gRPC port: HTTP/2 over mutual TLS on Kestrel. Which methods there are is the caller's matter.</summary>
public sealed partial class XdsServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly GrpcServer<KestrelExchange> _grpc;
    private readonly byte[] _roots;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    /// <param name="address">Where to listen; port 0 for any.</param>
    /// <param name="tls">Certificate of this side and check of the other.</param>
    /// <param name="roots">Public: a new proxy fetches them before it can verify anything.</param>
    public XdsServer(IPEndPoint address, ControlPlaneTls tls, TrustBundle roots, GrpcServer<KestrelExchange>.Builder methods, ServingOptions options, TimeProvider time, ILoggerFactory logs)
    {
        _log = logs.CreateLogger<XdsServer>();
        _time = time;
        _roots = roots.ToPem();
        _grpc = methods.Build(new GrpcServerOptions
        {
            MaxMessageBytes = options.MaxMessageBytes, Time = time, HandlerFailed = (path, e) => Log.HandlerFailed(_log, path, e),
        });
        _app = KestrelHost.Create(logs, kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;      // a stream has no size
            kestrel.Limits.MinRequestBodyDataRate = null;  // and may be quiet for hours
            kestrel.Limits.MinResponseDataRate = new MinDataRate(options.MinReadBytesPerSecond, options.SlowReaderGrace);
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.Http2.KeepAlivePingDelay = options.KeepAliveDelay;
            kestrel.Limits.Http2.KeepAlivePingTimeout = options.KeepAliveTimeout;
            kestrel.Listen(address, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = options.HandshakeTimeout,
                    OnConnection = connection =>
                    {
                        var items = connection.Connection.Items;
                        return ValueTask.FromResult(tls.ForConnection(
                            client => items[ConnectionIdentity.ItemName] = new ConnectionIdentity(client, client.IsCurrent(time.GetUtcNow())),
                            failure => Log.ClientRefused(_log, connection.Connection.RemoteEndPoint?.ToString() ?? "", failure)));
                    },
                });
            });
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

    public Task StopAsync(CancellationToken cancel) => _app.StopAsync(cancel);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private Task HandleAsync(HttpContext context)
    {
        if (context.Request.Method == "GET" && context.Request.Path == CertificateMethods.RootsPath)
        {
            context.Response.ContentType = CertificateMethods.RootsContentType;
            return context.Response.Body.WriteAsync(_roots, context.RequestAborted).AsTask();
        }
        var exchange = new KestrelExchange(context);
        // A call on a connection that is older than its certificate is served, and the next one comes on a new connection.
        if (exchange.Identity is { WasCurrent: true } identity && !identity.Client.IsCurrent(_time.GetUtcNow()))
            exchange.CloseConnectionGracefully();
        return _grpc.HandleAsync(exchange);
    }

    private static partial class Log
    {
        [LoggerMessage(4300, LogLevel.Error, "the handler of {Path} failed")]
        public static partial void HandlerFailed(ILogger log, string path, Exception e);

        [LoggerMessage(4301, LogLevel.Warning, "the certificate of {Address} is refused: {Failure}")]
        public static partial void ClientRefused(ILogger log, string address, SvidFailure failure);
    }
}
