namespace Weft.Grpc;

/// <summary>Settings of the connections under gRPC calls.</summary>
public sealed record GrpcTransportOptions
{
    /// <summary>How long a connection attempt may take. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which an HTTP/2 PING is sent. Default 20 s: shorter than the idle timeouts of common middleboxes.</summary>
    public TimeSpan KeepAlivePingDelay { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long the answer to a PING may take before the connection counts as dead. Default 10 s.</summary>
    public TimeSpan KeepAlivePingTimeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Prepares a <see cref="SocketsHttpHandler"/> for gRPC.</summary>
public static class GrpcTransport
{
    /// <summary>Sets what long-lived HTTP/2 streams need; TLS settings of the handler stay as they are. Returns the same handler.</summary>
    public static SocketsHttpHandler Configure(SocketsHttpHandler handler, GrpcTransportOptions? options = null)
    {
        options ??= new GrpcTransportOptions();
        handler.ConnectTimeout = options.ConnectTimeout;
        // Without pings a stream that only listens never notices that its peer's machine is gone.
        handler.KeepAlivePingDelay = options.KeepAlivePingDelay;
        handler.KeepAlivePingTimeout = options.KeepAlivePingTimeout;
        handler.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
        handler.EnableMultipleHttp2Connections = true;
        handler.PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1);
        // http_proxy is how applications reach the mesh: a control-plane call that followed it would go through the proxy that is asking.
        handler.UseProxy = false;
        handler.UseCookies = false;
        handler.AllowAutoRedirect = false;
        handler.AutomaticDecompression = System.Net.DecompressionMethods.None;
        // The mesh has its own trace fields; the runtime's would put a traceparent on calls that nobody traces.
        handler.ActivityHeadersPropagator = null;
        return handler;
    }

    /// <summary>An invoker for a plaintext server (HTTP/2 with prior knowledge, RFC 9113 section 3.3) or for TLS with the system's roots.</summary>
    public static HttpMessageInvoker CreateInvoker(GrpcTransportOptions? options = null) => new(Configure(new SocketsHttpHandler(), options), disposeHandler: true);
}
