using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Weft.Grpc;

namespace Weft.Bench.Churn;

/// <summary>One HTTP/2 request of Kestrel as gRPC's serving side sees it.</summary>
internal sealed class KestrelExchange : IGrpcExchange
{
    private readonly HttpContext _context;

    public KestrelExchange(HttpContext context)
    {
        _context = context;
        // Else a quiet stream is cut after five seconds and a long-lived one after 30 MB.
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = null;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { } size) size.MaxRequestBodySize = null;
    }

    public string Method => _context.Request.Method;

    public string Path => _context.Request.Path.Value ?? "";

    public PipeReader RequestBody => _context.Request.BodyReader;

    public PipeWriter ResponseBody => _context.Response.BodyWriter;

    public CancellationToken Aborted => _context.RequestAborted;

    public string? RequestHeader(string name) => _context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

    public void SetHttpStatus(int status) => _context.Response.StatusCode = status;

    public void SetResponseHeader(string name, string value) => _context.Response.Headers[name] = value;

    public void SetTrailer(string name, string value) => _context.Response.AppendTrailer(name, value);
}
