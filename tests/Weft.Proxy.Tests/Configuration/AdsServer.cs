using System.Net;
using Envoy.Service.Discovery.V3;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using Weft.Grpc;
using Weft.Xds;

namespace Weft.Proxy.Tests.Configuration;

/// <summary>What an <see cref="AdsServer"/> serves.</summary>
internal sealed class FixedSnapshot(long revision, params (XdsType Type, string Name, Google.Protobuf.IMessage Message)[] resources) : IXdsSnapshot
{
    private readonly Dictionary<(XdsType, string), XdsResource> _resources = resources.ToDictionary(r => (r.Type, r.Name), r => XdsResource.Of(r.Name, r.Message));

    public long Revision => revision;

    public XdsResource? Find(XdsType type, string name) => _resources.GetValueOrDefault((type, name));

    public IReadOnlyList<XdsResource> Wildcard(XdsType type) => [.. _resources.Where(r => r.Key.Item1 == type).Select(r => r.Value)];
}

/// <summary>A management server on a real socket: the control plane's state machine behind a gRPC stream.</summary>
internal sealed class AdsServer(WebApplication app) : IAsyncDisposable
{
    public List<DeltaServerStream> Streams { get; } = [];

    public static async Task<AdsServer> StartAsync(int port, IXdsSnapshot snapshot)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        var server = new AdsServer(app);
        var grpc = new GrpcServer<Exchange>.Builder().Stream(AdsMethods.Delta, (call, _) => server.ServeAsync(call, snapshot)).Build();
        app.Run(context => grpc.HandleAsync(new Exchange(context)));
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }

    private async Task ServeAsync(GrpcServerCall call, IXdsSnapshot snapshot)
    {
        var stream = new DeltaServerStream();
        lock (Streams) Streams.Add(stream);
        stream.OnSnapshot(snapshot);
        while (await call.ReadAsync(DeltaDiscoveryRequest.Parser) is { } request)
        {
            foreach (var response in stream.OnRequest(request)) await call.WriteAsync(response);
        }
    }

    private sealed class Exchange : IGrpcExchange
    {
        private readonly HttpContext _context;

        public Exchange(HttpContext context)
        {
            _context = context;
            context.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null;
        }

        public string Method => _context.Request.Method;

        public string Path => _context.Request.Path.Value ?? "";

        public System.IO.Pipelines.PipeReader RequestBody => _context.Request.BodyReader;

        public System.IO.Pipelines.PipeWriter ResponseBody => _context.Response.BodyWriter;

        public CancellationToken Aborted => _context.RequestAborted;

        public string? RequestHeader(string name) => _context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

        public void SetHttpStatus(int status) => _context.Response.StatusCode = status;

        public void SetResponseHeader(string name, string value) => _context.Response.Headers[name] = value;

        public void SetTrailer(string name, string value) => _context.Response.AppendTrailer(name, value);
    }
}
