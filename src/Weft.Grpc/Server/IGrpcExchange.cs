using System.IO.Pipelines;

namespace Weft.Grpc;

/// <summary>What a web server hands over for one HTTP/2 request. It keeps the web server out of this room: the adapter is one small class
/// beside the server.</summary>
/// <remarks>An adapter over Kestrel must also set <c>MinRequestBodyDataRate</c> and <c>MaxRequestBodySize</c> to null, or a quiet stream is
/// cut after five seconds and a long-lived one after 30 MB.</remarks>
public interface IGrpcExchange
{
    /// <summary>The request's method.</summary>
    string Method { get; }

    /// <summary>The request's path, without a query.</summary>
    string Path { get; }

    PipeReader RequestBody { get; }

    /// <summary>The response's body. The first flush sends the head.</summary>
    PipeWriter ResponseBody { get; }

    /// <summary>Fires when the client resets the stream or its connection ends.</summary>
    CancellationToken Aborted { get; }

    /// <summary>A field of the request, values joined with commas; null when it is absent.</summary>
    string? RequestHeader(string name);

    /// <summary>Called at most once, before the first flush. The default is 200.</summary>
    void SetHttpStatus(int status);

    /// <summary>Called before the first flush only.</summary>
    void SetResponseHeader(string name, string value);

    /// <summary>Called after the last message.</summary>
    void SetTrailer(string name, string value);
}
