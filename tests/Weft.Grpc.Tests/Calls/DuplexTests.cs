using System.Net;
using System.Net.Sockets;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Grpc.Tests.Hosting;
using Xunit;
using static Weft.Grpc.Tests.Hosting.Methods;

namespace Weft.Grpc.Tests.Calls;

public sealed class DuplexTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private static Task<TestServer> Start(GrpcHandler<KestrelExchange> handler, GrpcServerOptions? options = null) =>
        TestServer.StartAsync(new GrpcServer<KestrelExchange>.Builder().Stream(Chat, handler).Build(options));

    [Fact]
    public async Task Messages_go_both_ways_and_the_end_is_agreed()
    {
        await using var server = await Start(EchoAll);
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat);
        for (var i = 0; i < 500; i++)
        {
            await call.WriteAsync(Text($"message {i}"));
            (await call.ReadAsync().WaitAsync(Long)).ShouldNotBeNull().Value.ShouldBe($"message {i}");
        }
        call.Complete();
        (await call.ReadAsync().WaitAsync(Long)).ShouldBeNull();
        call.Status.ShouldBe(GrpcStatus.Ok);
    }

    [Fact]
    public async Task Server_may_speak_first()
    {
        await using var server = await Start(async (call, _) =>
        {
            await call.WriteAsync(Text("welcome"));
            await call.ReadAsync(StringValue.Parser);
        });
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat);
        (await call.ReadAsync().WaitAsync(Long)).ShouldNotBeNull().Value.ShouldBe("welcome");
    }

    [Fact]
    public async Task Server_that_sends_no_head_before_its_first_message_does_not_hold_up_the_client()
    {
        await using var server = await Start(async (call, _) =>
        {
            (await call.ReadAsync(StringValue.Parser)).ShouldNotBeNull();
            (await call.ReadAsync(StringValue.Parser)).ShouldNotBeNull();
            await call.WriteAsync(Text("both came"));
        });
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat).WaitAsync(Long);
        await call.WriteAsync(Text("1")).WaitAsync(Long);
        await call.WriteAsync(Text("2")).WaitAsync(Long);
        (await call.ReadAsync().WaitAsync(Long)).ShouldNotBeNull().Value.ShouldBe("both came");
    }

    [Fact]
    public async Task Disposal_resets_the_stream_and_the_handler_learns_of_it()
    {
        var ended = new TaskCompletionSource<Exception>();
        var failed = new List<Exception>();
        await using var server = await Start(async (call, _) =>
        {
            try
            {
                while (await call.ReadAsync(StringValue.Parser) is { } message) await call.WriteAsync(message);
                ended.SetException(new InvalidOperationException("the stream ended in good order"));
            }
            catch (Exception e)
            {
                ended.SetResult(e);
                throw;
            }
        }, new GrpcServerOptions { HandlerFailed = (_, e) => failed.Add(e) });
        using var invoker = GrpcTransport.CreateInvoker();
        var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat);
        await call.WriteAsync(Text("x"));
        await call.ReadAsync().WaitAsync(Long);
        await call.DisposeAsync();
        await ended.Task.WaitAsync(Long);
        failed.ShouldBeEmpty();
    }

    [Fact]
    public async Task Status_after_messages_arrives_in_the_trailers()
    {
        await using var server = await Start(async (call, _) =>
        {
            await call.WriteAsync(Text("x"));
            throw new GrpcException(GrpcStatusCode.FailedPrecondition, "not like this");
        });
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat);
        (await call.ReadAsync().WaitAsync(Long)).ShouldNotBeNull();
        (await Should.ThrowAsync<GrpcException>(call.ReadAsync().WaitAsync(Long))).Status.ShouldBe(new GrpcStatus(GrpcStatusCode.FailedPrecondition, "not like this"));
        call.Status!.Value.Code.ShouldBe(GrpcStatusCode.FailedPrecondition);
    }

    [Fact]
    public async Task Writing_to_a_stream_that_the_server_has_ended_is_an_error_and_reading_tells_why()
    {
        await using var server = await Start((_, _) => throw new GrpcException(GrpcStatusCode.Unauthenticated, "who are you"));
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat);
        (await Should.ThrowAsync<GrpcException>(call.ReadAsync().WaitAsync(Long))).Status.Code.ShouldBe(GrpcStatusCode.Unauthenticated);
        await Should.ThrowAsync<GrpcException>(async () =>
        {
            for (var i = 0; i < 1000; i++) await call.WriteAsync(Text("anyone?")).WaitAsync(Long);
        });
    }

    [Fact]
    public async Task Server_that_is_not_there_is_unavailable()
    {
        using var invoker = GrpcTransport.CreateInvoker();
        var error = await Should.ThrowAsync<GrpcException>(new GrpcClient(invoker, new Uri("http://127.0.0.1:1")).DuplexAsync(Chat).WaitAsync(Long));
        error.Status.Code.ShouldBe(GrpcStatusCode.Unavailable);
    }

    [Fact]
    public async Task Server_that_dies_ends_the_reading()
    {
        await using var server = await Start(EchoAll);
        await using var relay = new Relay(server.Address.Port);
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, new Uri($"http://127.0.0.1:{relay.Port}")).DuplexAsync(Chat);
        await call.WriteAsync(Text("x"));
        await call.ReadAsync().WaitAsync(Long);
        var reading = call.ReadAsync();
        await relay.DisposeAsync();
        (await Should.ThrowAsync<GrpcException>(reading.WaitAsync(Long))).Status.Code.ShouldBe(GrpcStatusCode.Unavailable);
    }

    [Fact]
    public async Task Silent_peer_is_found_by_pings()
    {
        await using var server = await Start(EchoAll);
        await using var relay = new Relay(server.Address.Port);
        using var invoker = GrpcTransport.CreateInvoker(new GrpcTransportOptions { KeepAlivePingDelay = TimeSpan.FromSeconds(1), KeepAlivePingTimeout = TimeSpan.FromSeconds(1) });
        await using var call = await new GrpcClient(invoker, new Uri($"http://127.0.0.1:{relay.Port}")).DuplexAsync(Chat);
        await call.WriteAsync(Text("x"));
        await call.ReadAsync().WaitAsync(Long);
        relay.Swallow = true; // the machine is gone: nothing is closed, nothing answers
        await Should.ThrowAsync<GrpcException>(call.ReadAsync().WaitAsync(Long));
    }

    [Fact]
    public async Task Deadline_ends_the_stream()
    {
        await using var server = await Start(EchoAll);
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat, new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(300) });
        (await Should.ThrowAsync<GrpcException>(call.ReadAsync().WaitAsync(Long))).Status.Code.ShouldBe(GrpcStatusCode.DeadlineExceeded);
    }

    [Fact]
    public async Task Quiet_stream_outlives_the_web_servers_data_rate_limit()
    {
        await using var server = await Start(EchoAll);
        using var invoker = GrpcTransport.CreateInvoker();
        await using var call = await new GrpcClient(invoker, server.Address).DuplexAsync(Chat);
        await call.WriteAsync(Text("before"));
        await call.ReadAsync().WaitAsync(Long);
        await Task.Delay(TimeSpan.FromSeconds(8)); // Kestrel's grace is five seconds
        await call.WriteAsync(Text("after"));
        (await call.ReadAsync().WaitAsync(Long)).ShouldNotBeNull().Value.ShouldBe("after");
    }

    [Fact]
    public async Task Hundred_streams_share_a_connection_without_mixing()
    {
        await using var server = await Start(EchoAll);
        using var invoker = GrpcTransport.CreateInvoker();
        var client = new GrpcClient(invoker, server.Address);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async stream =>
        {
            await using var call = await client.DuplexAsync(Chat);
            for (var i = 0; i < 20; i++)
            {
                await call.WriteAsync(Text($"{stream}/{i}"));
                (await call.ReadAsync().WaitAsync(Long)).ShouldNotBeNull().Value.ShouldBe($"{stream}/{i}");
            }
            call.Complete();
            (await call.ReadAsync().WaitAsync(Long)).ShouldBeNull();
        }));
    }

    /// <summary>A TCP relay that can cut its connections or swallow what comes.</summary>
    private sealed class Relay : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<TcpClient> _clients = [];
        private readonly int _target;
        private bool _disposed;

        public Relay(int target)
        {
            _target = target;
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public volatile bool Swallow;

        public ValueTask DisposeAsync()
        {
            if (_disposed) return default;
            _disposed = true;
            _listener.Stop();
            lock (_clients) _clients.ForEach(c => { c.LingerState = new LingerOption(true, 0); c.Dispose(); });
            return default;
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    var from = await _listener.AcceptTcpClientAsync();
                    var to = new TcpClient();
                    await to.ConnectAsync(IPAddress.Loopback, _target);
                    lock (_clients) _clients.AddRange([from, to]);
                    _ = CopyAsync(from, to);
                    _ = CopyAsync(to, from);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
            }
        }

        private async Task CopyAsync(TcpClient from, TcpClient to)
        {
            var buffer = new byte[65536];
            try
            {
                while (await from.GetStream().ReadAsync(buffer) is > 0 and var read)
                    if (!Swallow) await to.GetStream().WriteAsync(buffer.AsMemory(0, read));
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
            {
            }
        }
    }
}
