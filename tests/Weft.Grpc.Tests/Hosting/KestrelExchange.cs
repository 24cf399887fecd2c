using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Weft.Grpc.Tests.Hosting;

/// <summary>A request of Kestrel as a gRPC exchange.</summary>
public sealed class KestrelExchange : IGrpcExchange
{
    public KestrelExchange(HttpContext context)
    {
        Context = context;
        // A stream that is quiet for five seconds is not an attack here.
        context.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null;
    }

    public HttpContext Context { get; }

    public string Method => Context.Request.Method;

    public string Path => Context.Request.Path.Value ?? "";

    public PipeReader RequestBody => Context.Request.BodyReader;

    public PipeWriter ResponseBody => Context.Response.BodyWriter;

    public CancellationToken Aborted => Context.RequestAborted;

    public string? RequestHeader(string name) => Context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

    public void SetHttpStatus(int status) => Context.Response.StatusCode = status;

    public void SetResponseHeader(string name, string value) => Context.Response.Headers[name] = value;

    public void SetTrailer(string name, string value) => Context.Response.AppendTrailer(name, value);
}
