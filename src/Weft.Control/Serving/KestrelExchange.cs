using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Weft.Grpc;
using Weft.Identity;

namespace Weft.Control.Serving;

/// <summary>The identity of a connection, as its handshake proved it.</summary>
/// <param name="WasCurrent">False when the certificate had ended already: such a client may renew and nothing else.</param>
public sealed record ConnectionIdentity(ClientIdentity Client, bool WasCurrent)
{
    internal const string ItemName = "weft.identity";
}

/// <summary>One HTTP/2 request of Kestrel as the gRPC layer sees it.</summary>
public sealed class KestrelExchange(HttpContext context) : IGrpcExchange
{
    public string Method => context.Request.Method;

    public string Path => context.Request.Path.Value ?? "";

    public PipeReader RequestBody => context.Request.BodyReader;

    public PipeWriter ResponseBody => context.Response.BodyWriter;

    public CancellationToken Aborted => context.RequestAborted;

    /// <summary>Who is on the other end; null for a client without a certificate.</summary>
    public ConnectionIdentity? Identity =>
        context.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(ConnectionIdentity.ItemName, out var found) == true ? found as ConnectionIdentity : null;

    /// <summary>Address of the client, for logs.</summary>
    public string RemoteAddress => context.Connection.RemoteIpAddress?.ToString() ?? "";

    public string? RequestHeader(string name) => context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

    public void SetHttpStatus(int status) => context.Response.StatusCode = status;

    public void SetResponseHeader(string name, string value) => context.Response.Headers[name] = value;

    public void SetTrailer(string name, string value) => context.Response.AppendTrailer(name, value);

    /// <summary>Lets the calls of this connection finish and makes the client open another one for the next: GOAWAY.</summary>
    public void CloseConnectionGracefully() => context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();

    /// <summary>The identity, for every call that a client without a valid one may not make. A connection that was made with a certificate that had ended is told to end: its client
    /// keeps it in a pool, and would go on showing the old certificate long after it has a new one.</summary>
    /// <exception cref="GrpcException">UNAUTHENTICATED.</exception>
    public SpiffeId RequireIdentity()
    {
        if (Identity is not { } identity) throw new GrpcException(GrpcStatusCode.Unauthenticated, "this call needs a client certificate: join first (CreateCertificate with a join token)");
        if (identity.WasCurrent) return identity.Client.Id;
        CloseConnectionGracefully();
        throw new GrpcException(GrpcStatusCode.Unauthenticated, $"the certificate of {identity.Client.Id} ended at {identity.Client.NotAfter:u}: renew it first");
    }
}
