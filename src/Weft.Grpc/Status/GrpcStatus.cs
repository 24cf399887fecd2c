using System.Globalization;

namespace Weft.Grpc;

/// <summary>How a call ended: the pair that travels as <c>grpc-status</c> and <c>grpc-message</c>.</summary>
/// <param name="Code">The status code.</param>
/// <param name="Message">A sentence for a person; empty when there is nothing to add. Plain text: it is percent-encoded on the wire only.</param>
public readonly record struct GrpcStatus(GrpcStatusCode Code, string Message = "")
{
    public static readonly GrpcStatus Ok = new(GrpcStatusCode.Ok);

    public bool IsOk => Code == GrpcStatusCode.Ok;

    /// <summary>The value of <c>grpc-status</c>.</summary>
    public string CodeText => ((int)Code).ToString(CultureInfo.InvariantCulture);

    /// <summary>The value of <c>grpc-message</c>: percent-encoded UTF-8.</summary>
    public string EncodedMessage => PercentEncoding.Encode(Message);

    /// <summary>Reads the two fields. A code that is not a number reads as <see cref="GrpcStatusCode.Unknown"/>, as does a number that gRPC
    /// does not define: the peer has answered, and hiding that behind an error of ours would lose its message.</summary>
    public static GrpcStatus Parse(string code, string? encodedMessage)
    {
        var message = encodedMessage is null ? "" : PercentEncoding.Decode(encodedMessage);
        return int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 0 and <= (int)GrpcStatusCode.Unauthenticated
            ? new GrpcStatus((GrpcStatusCode)number, message)
            : new GrpcStatus(GrpcStatusCode.Unknown, message.Length > 0 ? message : $"the peer sent grpc-status '{code}'");
    }

    /// <summary>What an HTTP answer without <c>grpc-status</c> means (grpc/doc/http-grpc-status-mapping.md).</summary>
    public static GrpcStatus FromHttpStatus(int httpStatus) => new(
        httpStatus switch
        {
            400 => GrpcStatusCode.Internal,
            401 => GrpcStatusCode.Unauthenticated,
            403 => GrpcStatusCode.PermissionDenied,
            404 => GrpcStatusCode.Unimplemented,
            429 or 502 or 503 or 504 => GrpcStatusCode.Unavailable,
            _ => GrpcStatusCode.Unknown,
        },
        $"HTTP status {httpStatus.ToString(CultureInfo.InvariantCulture)} without grpc-status");

    /// <summary>What an HTTP/2 reset means (PROTOCOL-HTTP2.md, "HTTP2 Transport Mapping", Errors).</summary>
    public static GrpcStatusCode FromHttp2Error(long errorCode) => errorCode switch
    {
        0x7 => GrpcStatusCode.Unavailable,       // REFUSED_STREAM: provably unprocessed
        0x8 => GrpcStatusCode.Cancelled,         // CANCEL
        0xb => GrpcStatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        0xc => GrpcStatusCode.PermissionDenied,  // INADEQUATE_SECURITY
        _ => GrpcStatusCode.Internal,
    };

    public override string ToString() => Message.Length == 0 ? Code.ToString() : $"{Code}: {Message}";
}
