namespace Weft.Bench.Peers;

/// <summary>Files that the applications serve and the generators send.</summary>
internal static class Content
{
    /// <summary>Bytes of a small gRPC message with its prefix of five (compressed flag and length).</summary>
    private const int MessageBytes = 69;

    /// <summary>A gRPC request of one message.</summary>
    public static string GrpcRequest { get; } = Path.Combine(Repository.Made, "request.grpc");

    /// <summary>The HTTP/2 application's folder: a call is a file in it.</summary>
    public static string GrpcFolder { get; } = Path.Combine(Repository.Made, "grpc");

    public static string GrpcTypes { get; } = Path.Combine(Repository.Made, "mime.types");

    public const string GrpcPath = "/bench.Echo/Call.grpc";

    public static void Make()
    {
        var files = Directory.CreateDirectory(Path.Combine(Repository.Made, "files")).FullName;
        File.WriteAllBytes(Path.Combine(files, "100k"), Filled(100 * 1024));
        File.WriteAllBytes(Path.Combine(files, "1m"), Filled(1024 * 1024));
        var message = Filled(MessageBytes);
        message[0] = message[1] = message[2] = message[3] = 0;
        message[4] = MessageBytes - 5;
        File.WriteAllBytes(GrpcRequest, message);
        Directory.CreateDirectory(GrpcFolder + Path.GetDirectoryName(GrpcPath));
        File.WriteAllBytes(GrpcFolder + GrpcPath, message);
        File.WriteAllText(GrpcTypes, "application/grpc grpc\n");
    }

    private static byte[] Filled(int length)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill((byte)'w');
        return bytes;
    }
}
