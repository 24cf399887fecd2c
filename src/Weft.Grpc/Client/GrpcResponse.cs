using System.IO.Pipelines;

namespace Weft.Grpc;

/// <summary>A response whose head has been understood.</summary>
internal sealed class GrpcResponse
{
    private readonly HttpResponseMessage _response;
    private readonly GrpcStatus? _trailersOnly;

    private GrpcResponse(HttpResponseMessage response, GrpcMessageReader messages, GrpcStatus? trailersOnly)
    {
        _response = response;
        _trailersOnly = trailersOnly;
        Messages = messages;
    }

    public GrpcMessageReader Messages { get; }

    /// <summary>How the call ended. Known when <see cref="Messages"/> has reached its end. A response without <c>grpc-status</c> was cut by
    /// something between the server's code and here, whatever its body says.</summary>
    public GrpcStatus Status => _trailersOnly ?? Find(_response.TrailingHeaders)
        ?? new GrpcStatus(GrpcStatusCode.Internal, "the response ended without grpc-status");

    public static async Task<GrpcResponse> OpenAsync(HttpResponseMessage response, int maxMessageBytes, CancellationToken cancellation)
    {
        // The order is the specification's: a grpc-status in the head wins over everything, then the HTTP status, then the content type.
        var trailersOnly = Find(response.Headers);
        if (trailersOnly is null && (int)response.StatusCode != 200) throw new GrpcException(GrpcStatus.FromHttpStatus((int)response.StatusCode));
        var contentType = response.Content.Headers.ContentType?.ToString();
        if (trailersOnly is null && !GrpcHeader.IsGrpcContentType(contentType))
            throw new GrpcException(GrpcStatusCode.Unknown, $"the response's content type is '{contentType}', not {GrpcHeader.Grpc}");
        var name = response.Headers.TryGetValues(GrpcHeader.Encoding, out var values) ? values.First() : null;
        if (!GrpcEncodings.TryParse(name, out var encoding))
            throw new GrpcException(GrpcStatusCode.Internal, $"the response's grpc-encoding '{name}' was not offered");
        var body = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellation));
        return new GrpcResponse(response, new GrpcMessageReader(body, encoding, maxMessageBytes), trailersOnly);
    }

    private static GrpcStatus? Find(System.Net.Http.Headers.HttpResponseHeaders headers) =>
        headers.TryGetValues(GrpcHeader.Status, out var code)
            ? GrpcStatus.Parse(code.First(), headers.TryGetValues(GrpcHeader.Message, out var message) ? string.Join(',', message) : null)
            : null;
}

internal static class GrpcStatusChecks
{
    public static void ThrowUnlessOk(this GrpcStatus status)
    {
        if (!status.IsOk) throw new GrpcException(status);
    }
}
