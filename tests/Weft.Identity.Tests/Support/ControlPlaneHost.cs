using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using Istio.V1.Auth;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Weft.Grpc;

namespace Weft.Identity.Tests.Support;

/// <summary>A control plane that does nothing but identity, over a real TLS listener. Stop and start it on the same port.</summary>
internal sealed class ControlPlaneHost : IAsyncDisposable
{
    private static readonly object ClientKey = new();

    private readonly TimeProvider _time;
    private readonly ControlPlaneTls _tls;
    private readonly GrpcServer<Exchange> _server;
    private WebApplication? _app;
    private int _port;

    public ControlPlaneHost(string directory, TimeProvider time, CertificateAuthorityOptions? options = null)
    {
        _time = time;
        Authority = CertificateAuthority.OpenOrCreate(directory, Requests.Domain, options ?? new CertificateAuthorityOptions(), time);
        Tokens = new JoinTokenBook(new MemoryJoinTokenStore(), JoinTokenBook.DefaultLifetime, time);
        var serviceOptions = new CertificateServiceOptions();
        _tls = new ControlPlaneTls(Authority, ["localhost"], () => new TrustBundleSet(Authority.Bundle), serviceOptions, time);
        var service = new CertificateService(Authority, Tokens, () => Revocations, serviceOptions, time);
        _server = new GrpcServer<Exchange>.Builder().Unary(CertificateMethods.CreateCertificate, async (request, call, exchange) =>
        {
            Calls++;
            LastCsr = request.Csr;
            return await Answer(await service.CreateAsync(new CertificateCaller(call.Metadata("authorization"), exchange.Client), request, call.Cancellation));
        }).Build();
    }

    public CertificateAuthority Authority { get; }

    public JoinTokenBook Tokens { get; }

    public RevocationSet Revocations { get; set; } = RevocationSet.Empty;

    public Func<IstioCertificateResponse, Task<IstioCertificateResponse>> Answer { get; set; } = Task.FromResult;

    public int Calls { get; private set; }

    public string LastCsr { get; private set; } = "";

    public ConcurrentQueue<SvidFailure> Refused { get; } = [];

    public string Address => $"127.0.0.1:{_port}";

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = context => ValueTask.FromResult(_tls.ForConnection(client => context.Connection.Items[ClientKey] = client, Refused.Enqueue)),
            });
        }));
        _app = builder.Build();
        _app.Run(async context =>
        {
            if (context.Request.Path == CertificateMethods.RootsPath)
            {
                context.Response.ContentType = CertificateMethods.RootsContentType;
                await context.Response.Body.WriteAsync(Authority.Bundle.ToPem());
            }
            else if (context.Request.Path == "/whoami") await context.Response.WriteAsync(ClientOf(context) is { } client ? $"{client.Id} {client.SerialNumber}" : "nobody");
            else await _server.HandleAsync(new Exchange(context));
        });
        await _app.StartAsync();
        _port = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
    }

    public async Task StopAsync()
    {
        if (_app is null) return;
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
        _app = null;
    }

    /// <summary>Writes a token for default/web into a file and returns its path.</summary>
    public async Task<string> TokenFileAsync(TemporaryDirectory directory, string name = "token")
    {
        var (token, _) = await Tokens.IssueAsync(Requests.Domain, Authority.RootPin, "default", "web", default);
        return directory.Write(name, token.Text + "\n");
    }

    private static ClientIdentity? ClientOf(HttpContext context) =>
        context.Features.Get<IConnectionItemsFeature>()!.Items.TryGetValue(ClientKey, out var client) ? (ClientIdentity?)client : null;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Authority.Dispose();
    }

    private sealed class Exchange(HttpContext context) : IGrpcExchange
    {
        public ClientIdentity? Client => ClientOf(context);

        public string Method => context.Request.Method;

        public string Path => context.Request.Path;

        public PipeReader RequestBody => context.Request.BodyReader;

        public PipeWriter ResponseBody => context.Response.BodyWriter;

        public CancellationToken Aborted => context.RequestAborted;

        public string? RequestHeader(string name) => context.Request.Headers.TryGetValue(name, out var value) ? value.ToString() : null;

        public void SetHttpStatus(int status) => context.Response.StatusCode = status;

        public void SetResponseHeader(string name, string value) => context.Response.Headers[name] = value;

        public void SetTrailer(string name, string value) => context.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers[name] = value;
    }
}
