using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Weft.Grpc;
using Weft.Grpc.Tests.Hosting;

namespace Weft.Interop.Hosting;

/// <summary>The service of <c>echo.proto</c> over Weft's own gRPC.</summary>
internal static class EchoService
{
    public static GrpcServer<KestrelExchange> Create(GrpcEncoding sendEncoding) =>
        new GrpcServer<KestrelExchange>.Builder()
            .Unary(Methods.Echo, async (request, call, _) =>
            {
                Fail(request.Value);
                if (request.Value.StartsWith("sleep:", StringComparison.Ordinal))
                    await Task.Delay(int.Parse(request.Value[6..], CultureInfo.InvariantCulture), call.Cancellation);
                return request.Value.StartsWith("meta:", StringComparison.Ordinal) ? Methods.Text(call.Metadata(request.Value[5..]) ?? "") : request;
            })
            .Stream(Methods.Chat, async (call, _) =>
            {
                while (await call.ReadAsync(StringValue.Parser) is { Value: var text })
                {
                    Fail(text);
                    var pushed = text.StartsWith("push:", StringComparison.Ordinal) ? int.Parse(text[5..], CultureInfo.InvariantCulture) : 0;
                    for (var i = 1; i <= pushed; i++) await call.WriteAsync(Methods.Text(i.ToString(CultureInfo.InvariantCulture)));
                    if (pushed == 0) await call.WriteAsync(Methods.Text(text));
                }
            })
            .Build(new GrpcServerOptions { SendEncoding = sendEncoding });

    private static void Fail(string text)
    {
        if (!text.StartsWith("fail:", StringComparison.Ordinal)) return;
        var parts = text.Split(':', 3);
        throw new GrpcException((GrpcStatusCode)int.Parse(parts[1], CultureInfo.InvariantCulture), parts[2]);
    }
}
