namespace Weft.Grpc;

/// <summary>Names of the fields that gRPC puts around its messages, and the values that Weft gives them.</summary>
public static class GrpcHeader
{
    public const string ContentType = "content-type";
    public const string Encoding = "grpc-encoding";
    public const string AcceptEncoding = "grpc-accept-encoding";
    public const string Timeout = "grpc-timeout";
    public const string Status = "grpc-status";
    public const string Message = "grpc-message";
    public const string Te = "te";
    public const string UserAgent = "user-agent";
    public const string Authorization = "authorization";

    /// <summary>The content type that is sent.</summary>
    public const string Grpc = "application/grpc";

    /// <summary><c>application/grpc</c>, <c>application/grpc+proto</c> and either with parameters. Other message formats (<c>+json</c>) and
    /// gRPC-Web (<c>application/grpc-web</c>) begin alike and are not understood.</summary>
    public static bool IsGrpcContentType(string? contentType)
    {
        if (contentType is null || !contentType.StartsWith(Grpc, StringComparison.OrdinalIgnoreCase)) return false;
        var rest = contentType.AsSpan(Grpc.Length);
        if (rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase)) rest = rest["+proto".Length..];
        return rest.IsEmpty || rest[0] is ';' or ' ';
    }
}
