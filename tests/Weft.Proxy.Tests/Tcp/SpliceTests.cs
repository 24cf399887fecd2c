using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tcp;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Telemetry.Outcomes;
using Xunit;
using Socket = System.Net.Sockets.Socket;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>Bulk between plain sockets goes through pipes; nobody at either end can tell.</summary>
public sealed class SpliceTests : IAsyncDisposable
{
    private readonly TcpServer _server = new();
    private readonly ProxyUnderTest _proxy = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _server.Dispose();
        await _proxy.DisposeAsync();
    }

    private async Task<(TcpPeer Client, TcpPeer Server)> ConnectAsync(int receiveBuffer = 0)
    {
        if (!_proxy.DataPlane.Listeners.Addresses.Any()) _proxy.Cluster("backend", [_server.Address]).ListenBytes();
        var client = await TcpPeer.ConnectAsync(_proxy.Address, receiveBuffer);
        return (client, await _server.AcceptAsync());
    }

    /// <summary>Sends numbered bytes until a pipe is full of what the client does not take: it reads now and then, which makes the flow bulk, and stops. How many were sent and read.</summary>
    private async Task<(long Sent, long Read)> FillPipeAsync(TcpPeer client, TcpPeer server)
    {
        var (sent, read) = (await server.FillAsync(), 0L);
        for (var i = 0; await _proxy.RentedPipesAsync() == 0; i++)
        {
            i.ShouldBeLessThan(20, "a flow whose sender is always ahead is bulk");
            read += (await client.ReadAsync(1 << 20)).Length;
            sent += await server.FillAsync(sent);
        }
        return (sent, read);
    }

    private Task EndedAsync(Fault fault) => Eventually.TrueAsync(() => Task.FromResult(_proxy.Ended(fault) == 1));

    private async Task NothingIsHeldAsync()
    {
        (await _proxy.RentedAsync()).ShouldBe(0);
        (await _proxy.RentedPipesAsync()).ShouldBe(0);
        _proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_hundred_megabytes_in_pieces_of_any_size_pass_unchanged_and_are_counted()
    {
        const int Up = 90 << 20, Down = 110 << 20; // one side ends while the other goes on
        var (client, server) = await ConnectAsync();

        var hashes = await Task.WhenAll(client.SendRandomAsync(1, Up), server.SendRandomAsync(2, Down), server.HashAsync(), client.HashAsync()).WaitAsync(TimeSpan.FromSeconds(60), Stop);

        hashes[2].ShouldBe(hashes[0]);
        hashes[3].ShouldBe(hashes[1]);
        await EndedAsync(Fault.None);
        var totals = _proxy.Connections().Single().Totals;
        (totals.ReceivedBytes, totals.SentBytes).ShouldBe((Up, Down));
        (await _proxy.IdlePipesAsync()).ShouldBePositive("it was bulk");
        await NothingIsHeldAsync();
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task A_thousand_turns_between_bulk_and_small_keep_every_byte_and_allocate_nothing()
    {
        var (client, server) = await ConnectAsync();
        using var _ = client;
        using var __ = server;
        var sent = new byte[400 << 10];
        var received = new byte[sent.Length];
        Random.Shared.NextBytes(sent);
        Turns(50);
        var before = await _proxy.AllocatedAsync();

        Turns(1_000);

        // The readings themselves cost a few hundred bytes; one object per turn would be tens of thousands.
        (await _proxy.AllocatedAsync() - before).ShouldBeLessThan(4096);
        (await _proxy.IdlePipesAsync()).ShouldBePositive("it was bulk");
        await NothingIsHeldAsync();

        void Turns(int count)
        {
            for (var turn = 0; turn < count; turn++)
            {
                Pass(server.Socket, client.Socket, sent.Length - turn); // the sender is ahead: blocks are full
                for (var small = 1; small <= 6; small++) Pass(client.Socket, server.Socket, small);
                for (var small = 1; small <= 6; small++) Pass(server.Socket, client.Socket, small * 100);
            }
        }

        void Pass(Socket from, Socket to, int length)
        {
            for (int taken = 0, got = 0; got < length;)
            {
                if (taken < length) taken += from.Send(sent, taken, length - taken, SocketFlags.None);
                got += to.Receive(received, got, length - got, SocketFlags.None);
            }
            received.AsSpan(0, length).SequenceEqual(sent.AsSpan(0, length)).ShouldBeTrue();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_end_behind_a_full_pipe_comes_after_its_last_byte(bool byClose)
    {
        var (client, server) = await ConnectAsync(receiveBuffer: 64 << 10);
        var (sent, read) = await FillPipeAsync(client, server);
        if (byClose) server.Dispose();
        else server.End();

        (await client.ReadFillAsync(read)).ShouldBe(sent);
        client.Dispose();
        server.Dispose();
        await EndedAsync(Fault.None);
        await NothingIsHeldAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_with_bytes_in_the_pipe_is_a_reset_for_the_other_side(bool bySource)
    {
        var (client, server) = await ConnectAsync(receiveBuffer: 64 << 10);
        await FillPipeAsync(client, server);

        (bySource ? server : client).Reset();

        (await (bySource ? client : server).IsResetAsync()).ShouldBeTrue();
        await EndedAsync(bySource ? Fault.UpstreamReset : Fault.DownstreamClosed);
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task A_reset_in_the_middle_of_bulk_is_never_taken_for_the_end()
    {
        for (var round = 0; round < 30; round++)
        {
            var (client, server) = await ConnectAsync();
            var reading = client.IsResetAsync();
            var block = new byte[300_000];
            for (var i = 0; i <= round % 4; i++) await server.SendAsync(block);
            server.Reset();
            (await reading).ShouldBeTrue();
            client.Dispose();
        }
        await NothingIsHeldAsync();
    }

    /// <summary>TCP's urgent mark: a pipe stops at it for good, a read passes over it.</summary>
    [Fact]
    public async Task An_urgent_byte_in_the_middle_of_bulk_does_not_stop_it()
    {
        var (client, server) = await ConnectAsync();
        var block = new byte[2 << 20];
        var reading = ReadAsync();
        await server.SendAsync(block);
        server.Socket.Send([1], SocketFlags.OutOfBand);
        await server.SendAsync(block);
        server.Dispose();
        (await reading.WaitAsync(TimeSpan.FromSeconds(20), Stop)).ShouldBe(2 * block.Length);
        client.Dispose();

        async Task<int> ReadAsync()
        {
            var total = 0;
            var into = new byte[1 << 16];
            while (await client.ReceiveAsync(into) is > 0 and var read) total += read;
            return total;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Flows_that_find_no_pipe_copy(int pipes)
    {
        using var server = new TcpServer();
        using var host = new WorkerHost(new WorkerSettings { Pipes = new PipeSettings { MaxPipes = pipes } });
        var listener = host.Listen(socket => new Joining(host.Worker, socket, server.Address));
        var flows = new List<(TcpPeer Client, TcpPeer Server, long Sent)>();
        for (var i = 0; i < 3; i++)
        {
            var client = await TcpPeer.ConnectAsync(listener.Local, receiveBuffer: 64 << 10);
            var sender = await server.AcceptAsync();
            flows.Add((client, sender, await sender.FillAsync()));
        }
        host.On(() => host.Worker.Pipes.Rented).ShouldBeLessThanOrEqualTo(pipes);
        host.On(() => host.Worker.Buffers.Rented + host.Worker.Pipes.Rented).ShouldBe(flows.Count, "each has a block or a pipe that its client does not take");
        foreach (var (client, sender, sent) in flows)
        {
            sender.End();
            (await client.ReadFillAsync()).ShouldBe(sent);
            client.Dispose();
            sender.Dispose();
        }
    }

    /// <summary>An accepted connection and one to the server, joined as soon as both are open.</summary>
    private sealed class Joining : IChannelHandler, IByteRelayOwner
    {
        private readonly Worker _worker;
        private readonly Channel _downstream;
        private readonly Channel _upstream;

        public Joining(Worker worker, AcceptedSocket socket, System.Net.IPEndPoint server)
        {
            _worker = worker;
            _downstream = socket.Plain(this);
            _upstream = worker.Connect(server, tls: null, "", TimeSpan.FromSeconds(10), this);
        }

        public void OnOpen(Channel channel)
        {
            if (_downstream.IsOpen && _upstream.IsOpen) new ByteRelay(_worker, _downstream, _upstream, this).Start(null, default);
        }

        public void OnReadable(Channel channel) { }

        public void OnWritable(Channel channel) { }

        public void OnFailed(Channel channel) { }

        public void OnMoved(long received, long sent) { }

        public void OnRelayEnded(Fault fault) { }
    }
}
