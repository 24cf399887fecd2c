using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Weft.Grpc.Tests.Hosting;
using Xunit;
using static Weft.Grpc.Tests.Hosting.Methods;

namespace Weft.Grpc.Tests.Calls;

public sealed class UnaryTests
{
    private static GrpcServer<KestrelExchange> Server(
        Func<StringValue, GrpcServerCall, KestrelExchange, Task<StringValue>> handler, GrpcServerOptions? options = null) =>
        new GrpcServer<KestrelExchange>.Builder().Unary(Echo, handler).Build(options);

    private static async Task<T> Call<T>(TestServer server, Func<GrpcClient, Task<T>> call, GrpcClientOptions? options = null)
    {
        using var invoker = GrpcTransport.CreateInvoker();
        return await call(new GrpcClient(invoker, server.Address, options)).WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData(GrpcEncoding.Identity)]
    [InlineData(GrpcEncoding.Gzip)]
    public async Task Message_is_answered(GrpcEncoding encoding)
    {
        await using var server = await TestServer.StartAsync(
            Server((request, _, _) => Task.FromResult(Text("hello " + request.Value)), new GrpcServerOptions { SendEncoding = encoding }));
        var answer = await Call(server, c => c.UnaryAsync(Echo, Text("weft")), new GrpcClientOptions { SendEncoding = encoding });
        answer.Value.ShouldBe("hello weft");
    }

    [Fact]
    public async Task Tls_is_spoken()
    {
        await using var server = await TestServer.StartAsync(Server((request, _, _) => Task.FromResult(request)), tls: true);
        using var handler = GrpcTransport.Configure(new SocketsHttpHandler());
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var invoker = new HttpMessageInvoker(handler);
        (await new GrpcClient(invoker, server.Address).UnaryAsync(Echo, Text("x"))).Value.ShouldBe("x");
    }

    [Fact]
    public async Task Status_of_the_handler_arrives_with_its_message()
    {
        await using var server = await TestServer.StartAsync(Server((_, _, _) => throw new GrpcException(GrpcStatusCode.PermissionDenied, "nö: 100%\nno")));
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(""))));
        error.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.PermissionDenied, "nö: 100%\nno"));
    }

    [Fact]
    public async Task Broken_handler_answers_unknown_without_its_words_and_is_reported()
    {
        var reported = new TaskCompletionSource<(string, Exception)>();
        await using var server = await TestServer.StartAsync(Server(
            (_, _, _) => throw new InvalidOperationException("secret"),
            new GrpcServerOptions { HandlerFailed = (path, e) => reported.SetResult((path, e)) }));
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(""))));
        error.Status.Code.ShouldBe(GrpcStatusCode.Unknown);
        error.Message.ShouldNotContain("secret");
        var (path, exception) = await reported.Task;
        path.ShouldBe(Echo.Path);
        exception.Message.ShouldBe("secret");
    }

    [Fact]
    public async Task Unknown_method_answers_unimplemented_in_http_200()
    {
        await using var server = await TestServer.StartAsync(new GrpcServer<KestrelExchange>.Builder().Build());
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(""))));
        error.Status.ShouldBe(new GrpcStatus(GrpcStatusCode.Unimplemented, "unknown method /weft.test.Echo/Unary"));

        using var response = await Raw(server, r => { });
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Headers.GetValues(GrpcHeader.Status).ShouldBe(["12"]);
    }

    [Fact]
    public async Task What_is_not_gRPC_is_refused_in_http()
    {
        await using var server = await TestServer.StartAsync(Server((request, _, _) => Task.FromResult(request)));
        using var json = await Raw(server, r => r.Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json"));
        json.StatusCode.ShouldBe(HttpStatusCode.UnsupportedMediaType);
        using var get = await Raw(server, r => (r.Method, r.Content) = (HttpMethod.Get, null));
        get.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
    }

    [Theory]
    [InlineData(GrpcHeader.Encoding, "snappy", "12")]
    [InlineData(GrpcHeader.Timeout, "soon", "13")]
    public async Task Field_that_is_not_understood_is_refused_with_a_status(string name, string value, string status)
    {
        await using var server = await TestServer.StartAsync(Server((request, _, _) => Task.FromResult(request)));
        using var response = await Raw(server, r => r.Headers.TryAddWithoutValidation(name, value));
        response.Headers.GetValues(GrpcHeader.Status).ShouldBe([status]);
        response.Headers.GetValues(GrpcHeader.AcceptEncoding).ShouldBe(["identity,gzip"]);
    }

    [Fact]
    public async Task Metadata_and_deadline_reach_the_handler()
    {
        await using var server = await TestServer.StartAsync(Server((_, call, _) =>
            Task.FromResult(Text($"{call.Metadata(GrpcHeader.Authorization)} {call.Timeout} {call.Metadata(GrpcHeader.Te)} {call.Metadata("absent") is null}"))));
        var options = new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(9) }.With(GrpcHeader.Authorization, "Bearer t");
        (await Call(server, c => c.UnaryAsync(Echo, Text(""), options))).Value.ShouldBe("Bearer t 00:00:09 trailers True");
    }

    [Fact]
    public async Task Deadline_ends_the_call_on_both_sides()
    {
        var cancelled = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(Server(async (request, call, _) =>
        {
            call.Cancellation.Register(cancelled.SetResult);
            await Task.Delay(Timeout.Infinite, call.Cancellation);
            return request;
        }));
        var options = new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(200) };
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(""), options)));
        error.Status.Code.ShouldBe(GrpcStatusCode.DeadlineExceeded);
        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Server_enforces_the_deadline_of_a_client_that_does_not()
    {
        await using var server = await TestServer.StartAsync(Server(async (request, call, _) =>
        {
            await Task.Delay(Timeout.Infinite, call.Cancellation);
            return request;
        }));
        using var response = await Raw(server, r => r.Headers.TryAddWithoutValidation(GrpcHeader.Timeout, "100m"));
        response.Headers.GetValues(GrpcHeader.Status).ShouldBe(["4"]);
    }

    [Fact]
    public async Task Callers_own_cancellation_is_not_a_status()
    {
        await using var server = await TestServer.StartAsync(Server(async (request, call, _) =>
        {
            await Task.Delay(Timeout.Infinite, call.Cancellation);
            return request;
        }));
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Should.ThrowAsync<OperationCanceledException>(Call(server, c => c.UnaryAsync(Echo, Text(""), cancellation: cancellation.Token)));
    }

    [Fact]
    public async Task Server_that_is_not_there_is_unavailable()
    {
        using var invoker = GrpcTransport.CreateInvoker();
        var client = new GrpcClient(invoker, new Uri("http://127.0.0.1:1"));
        var error = await Should.ThrowAsync<GrpcException>(client.UnaryAsync(Echo, Text("")));
        error.Status.Code.ShouldBe(GrpcStatusCode.Unavailable);
        error.Message.ShouldContain("127.0.0.1:1");
    }

    [Fact]
    public async Task Request_over_the_servers_limit_names_the_setting()
    {
        await using var server = await TestServer.StartAsync(Server((request, _, _) => Task.FromResult(request), new GrpcServerOptions { MaxMessageBytes = 1000 }));
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(new string('x', 2000)))));
        error.Status.Code.ShouldBe(GrpcStatusCode.ResourceExhausted);
        error.Message.ShouldContain("MaxMessageBytes (1000 bytes)");
    }

    [Fact]
    public async Task Answer_over_the_clients_limit_names_the_setting()
    {
        await using var server = await TestServer.StartAsync(Server((_, _, _) => Task.FromResult(Text(new string('x', 2000)))));
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text("")), new GrpcClientOptions { MaxMessageBytes = 1000 }));
        error.Status.Code.ShouldBe(GrpcStatusCode.ResourceExhausted);
    }

    [Theory]
    [InlineData(503, "text/plain", GrpcStatusCode.Unavailable)]
    [InlineData(404, "text/html", GrpcStatusCode.Unimplemented)]
    [InlineData(200, "text/html", GrpcStatusCode.Unknown)]
    [InlineData(200, "application/grpc", GrpcStatusCode.Internal)]
    public async Task Answer_of_something_that_is_not_the_server_becomes_a_status(int http, string contentType, GrpcStatusCode code)
    {
        await using var server = await TestServer.StartAsync(async context =>
        {
            context.Response.StatusCode = http;
            context.Response.ContentType = contentType;
            await context.Response.BodyWriter.FlushAsync();
        });
        (await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(""))))).Status.Code.ShouldBe(code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task Ok_without_exactly_one_message_is_an_internal_error(int messages)
    {
        await using var server = await TestServer.StartAsync(new GrpcServer<KestrelExchange>.Builder().Stream(Echo, async (call, _) =>
        {
            for (var i = 0; i < messages; i++) await call.WriteAsync(Text("x"));
        }).Build());
        var error = await Should.ThrowAsync<GrpcException>(Call(server, c => c.UnaryAsync(Echo, Text(""))));
        error.Status.Code.ShouldBe(GrpcStatusCode.Internal);
    }

    [Fact]
    public async Task Large_messages_pass_both_ways_through_flow_control()
    {
        await using var server = await TestServer.StartAsync(
            new GrpcServer<KestrelExchange>.Builder().Unary(Bytes, (request, _, _) => Task.FromResult(request)).Build());
        var body = new byte[3_500_000];
        new Random(1).NextBytes(body);
        var answer = await Call(server, c => c.UnaryAsync(Bytes, new BytesValue { Value = ByteString.CopyFrom(body) }));
        answer.Value.Span.SequenceEqual(body).ShouldBeTrue();
    }

    private static async Task<HttpResponseMessage> Raw(TestServer server, Action<HttpRequestMessage> change)
    {
        using var client = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, Echo.Path))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, 0]) { Headers = { ContentType = new("application/grpc") } },
        };
        change(request);
        var response = await client.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        return response;
    }
}
