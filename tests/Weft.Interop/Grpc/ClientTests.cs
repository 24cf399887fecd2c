using System.Globalization;
using Shouldly;
using Weft.Grpc;
using Weft.Interop.Hosting;
using Xunit;
using static Weft.Grpc.Tests.Hosting.Methods;

namespace Weft.Interop.Grpc;

/// <summary>Weft's gRPC client against the servers of others.</summary>
public sealed class ClientTests
{
    public static TheoryData<string, GrpcEncoding> Servers => new()
    {
        { "node/server.mjs", GrpcEncoding.Identity },
        { "node/server.mjs", GrpcEncoding.Gzip },
        { "python/server.py", GrpcEncoding.Identity },
        { "python/server.py", GrpcEncoding.Gzip },
    };

    [Theory]
    [MemberData(nameof(Servers))]
    public Task Calls_with_one_answer_end_as_the_server_says(string server, GrpcEncoding encoding) => With(server, encoding, async client =>
    {
        (await client.UnaryAsync(Echo, Text("hello wörld"))).Value.ShouldBe("hello wörld");
        (await client.UnaryAsync(Echo, Text(""))).Value.ShouldBe("");
        (await client.UnaryAsync(Echo, Text(new string('x', 3_000_000)))).Value.Length.ShouldBe(3_000_000);
        (await client.UnaryAsync(Echo, Text("meta:authorization"), GrpcCallOptions.Default.With("authorization", "Bearer t"))).Value.ShouldBe("Bearer t");
        (await Failure(client.UnaryAsync(Echo, Text("fail:7:nö: 100%\nno")))).ShouldBe(new GrpcStatus(GrpcStatusCode.PermissionDenied, "nö: 100%\nno"));
        (await Failure(client.UnaryAsync(Echo, Text(new string('x', 5_000_000))))).Code.ShouldBe(GrpcStatusCode.ResourceExhausted);
        (await Failure(client.UnaryAsync(Bytes, new()))).Code.ShouldBe(GrpcStatusCode.Unimplemented);
        var soon = new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(300) };
        (await Failure(client.UnaryAsync(Echo, Text("sleep:3000"), soon))).Code.ShouldBe(GrpcStatusCode.DeadlineExceeded);
    });

    [Theory]
    [MemberData(nameof(Servers))]
    public Task Streams_end_as_the_server_says(string server, GrpcEncoding encoding) => With(server, encoding, async client =>
    {
        await using (var talk = await client.DuplexAsync(Chat))
        {
            for (var i = 0; i < 100; i++)
            {
                await talk.WriteAsync(Text(i.ToString(CultureInfo.InvariantCulture)));
                (await talk.ReadAsync()).ShouldNotBeNull().Value.ShouldBe(i.ToString(CultureInfo.InvariantCulture));
            }
            talk.Complete();
            (await talk.ReadAsync()).ShouldBeNull();
            talk.Status!.Value.IsOk.ShouldBeTrue();
        }
        await using (var push = await client.DuplexAsync(Chat))
        {
            await push.WriteAsync(Text("push:5000"));
            push.Complete();
            var count = 0;
            await foreach (var message in push.ReadAllAsync()) message.Value.ShouldBe((++count).ToString(CultureInfo.InvariantCulture));
            count.ShouldBe(5000);
        }
        await using (var fail = await client.DuplexAsync(Chat))
        {
            await fail.WriteAsync(Text("one"));
            (await fail.ReadAsync()).ShouldNotBeNull().Value.ShouldBe("one");
            await fail.WriteAsync(Text("fail:9:not now"));
            (await Failure(fail.ReadAsync())).ShouldBe(new GrpcStatus(GrpcStatusCode.FailedPrecondition, "not now"));
        }
    });

    private static async Task With(string script, GrpcEncoding encoding, Func<GrpcClient, Task> calls)
    {
        using var peer = Peer.Start(script, encoding.Name());
        var port = (await peer.ReadLineAsync()).ShouldNotBeNull($"{script} did not start");
        using var invoker = GrpcTransport.CreateInvoker();
        var client = new GrpcClient(invoker, new Uri($"http://127.0.0.1:{port}"), new GrpcClientOptions { SendEncoding = encoding });
        await calls(client).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static async Task<GrpcStatus> Failure(Task call) => (await Should.ThrowAsync<GrpcException>(call)).Status;
}
