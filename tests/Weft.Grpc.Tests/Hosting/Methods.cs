using Google.Protobuf.WellKnownTypes;

namespace Weft.Grpc.Tests.Hosting;

/// <summary>The service that the tests call. Its messages are protobuf's own wrappers.</summary>
public static class Methods
{
    public static GrpcMethod<StringValue, StringValue> Echo { get; } = new("weft.test.Echo", "Unary", StringValue.Parser, StringValue.Parser);

    public static GrpcMethod<StringValue, StringValue> Chat { get; } = new("weft.test.Echo", "Chat", StringValue.Parser, StringValue.Parser);

    public static GrpcMethod<BytesValue, BytesValue> Bytes { get; } = new("weft.test.Echo", "Bytes", BytesValue.Parser, BytesValue.Parser);

    public static StringValue Text(string value) => new() { Value = value };

    /// <summary>A handler that sends every message back.</summary>
    public static async Task EchoAll(GrpcServerCall call, KestrelExchange exchange)
    {
        while (await call.ReadAsync(StringValue.Parser) is { } message) await call.WriteAsync(message);
    }
}
