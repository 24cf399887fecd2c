using System.Net.Sockets;
using System.Security.Cryptography;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>What two sockets joined by the proxy may expect of each other: the same as of a wire.</summary>
public sealed class RelayTests : IAsyncDisposable
{
    private readonly TcpServer _server = new();
    private readonly ProxyUnderTest _proxy = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _server.Dispose();
        await _proxy.DisposeAsync();
    }

    private async Task<(TcpPeer Client, TcpPeer Server)> ConnectAsync()
    {
        if (!_proxy.DataPlane.Listeners.Addresses.Any()) _proxy.Cluster("backend", [_server.Address]).ListenBytes();
        var client = await TcpPeer.ConnectAsync(_proxy.Address);
        return (client, await _server.AcceptAsync());
    }

    private Task EndedAsync(Fault fault) => Eventually.TrueAsync(() => Task.FromResult(_proxy.Ended(fault) == 1));

    [Fact]
    public async Task Tens_of_megabytes_pass_both_ways_at_once_unchanged()
    {
        var (client, server) = await ConnectAsync();
        using var _ = client;
        using var __ = server;
        const int Total = 40 << 20;

        var hashes = await Task.WhenAll(client.SendRandomAsync(1, Total), server.SendRandomAsync(2, Total), server.HashAsync(), client.HashAsync()).WaitAsync(TimeSpan.FromSeconds(60), Stop);

        hashes[2].ShouldBe(hashes[0]);
        hashes[3].ShouldBe(hashes[1]);
        await EndedAsync(Fault.None);
        var totals = _proxy.Connections().Single().Totals;
        (totals.ReceivedBytes, totals.SentBytes, totals.Opened, totals.Active).ShouldBe((Total, Total, 1, 0));
        (await _proxy.RentedAsync()).ShouldBe(0);
        _proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_client_that_has_said_all_still_gets_the_answer()
    {
        var (client, server) = await ConnectAsync();
        await client.SendAsync("question");
        client.End();
        (await server.ReadToEndAsync()).ShouldBe("question");
        await Task.Delay(50, Stop); // nothing ends meanwhile
        await server.SendAsync("answer");
        server.Dispose();
        (await client.ReadToEndAsync()).ShouldBe("answer");
        await EndedAsync(Fault.None);
        client.Dispose();
    }

    [Fact]
    public async Task A_server_that_has_said_all_still_hears_the_client()
    {
        var (client, server) = await ConnectAsync();
        await server.SendAsync("greeting");
        server.End();
        (await client.ReadToEndAsync()).ShouldBe("greeting");
        await Task.Delay(50, Stop);
        await client.SendAsync("still here");
        client.Dispose();
        (await server.ReadToEndAsync()).ShouldBe("still here");
        await EndedAsync(Fault.None);
        server.Dispose();
    }

    [Fact]
    public async Task An_end_that_comes_with_the_last_bytes_loses_none_of_them()
    {
        var bytes = RandomNumberGenerator.GetBytes(3 << 20);
        var (client, server) = await ConnectAsync();
        var reading = client.HashAsync();
        await server.SendAsync(bytes);
        server.Dispose(); // everything is in the kernel, and so is the end
        (await reading).ShouldBe(Convert.ToHexString(SHA256.HashData(bytes)));
        client.Dispose();
        await EndedAsync(Fault.None);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_of_one_side_is_a_reset_for_the_other(bool byClient)
    {
        var (client, server) = await ConnectAsync();
        await client.SendAsync("a");
        await server.ReadAsync(1);
        (byClient ? client : server).Reset();
        (await (byClient ? server : client).IsResetAsync()).ShouldBeTrue();
        await EndedAsync(byClient ? Fault.DownstreamClosed : Fault.UpstreamReset);
        _proxy.State("backend").Idle.ShouldBeTrue();
        _proxy.Endpoints("backend")[0].State.ActiveRequests.ShouldBe(0);
    }

    [Fact]
    public async Task What_a_server_says_before_it_resets_is_heard()
    {
        for (var i = 0; i < 20; i++)
        {
            var (client, server) = await ConnectAsync();
            await client.SendAsync("a question that nobody reads");
            await Eventually.TrueAsync(() => Task.FromResult(server.Socket.Available > 0));
            await server.SendAsync("too long");
            server.Dispose(); // with unread bytes: the kernel resets
            (await client.ReadAsync(8)).ShouldBe("too long");
            (await client.IsResetAsync()).ShouldBeTrue();
            client.Dispose();
        }
    }

    [Fact]
    public async Task A_connection_whose_listener_is_gone_goes_on()
    {
        var (client, server) = await ConnectAsync();
        await client.SendAsync("a");
        await server.ReadAsync(1);
        _proxy.Withdraw();
        for (var i = 0; i < 5; i++)
        {
            await Task.Delay(50, Stop);
            await client.SendAsync("b");
            (await server.ReadAsync(1)).ShouldBe("b");
        }
        client.Dispose();
        server.Dispose();
        await EndedAsync(Fault.None);
    }

    [Fact]
    public async Task A_reset_while_nobody_reads_ends_both_all_the_same()
    {
        var (client, server) = await ConnectAsync();
        await server.FillAsync();
        server.Reset();
        (await client.IsResetAsync()).ShouldBeTrue("what was on its way is cut, and must look cut");
        await EndedAsync(Fault.UpstreamReset);
        (await _proxy.RentedAsync()).ShouldBe(0);
        (await _proxy.RentedPipesAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task A_slow_reader_holds_the_sender_back_and_costs_one_buffer_or_pipe()
    {
        using var server = new TcpServer();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [server.Address]).ListenBytes();
        using var client = await TcpPeer.ConnectAsync(proxy.Address, receiveBuffer: 64 << 10);
        using var sender = await server.AcceptAsync();

        var sent = await sender.FillAsync();

        sent.ShouldBeLessThan(32L << 20, "the kernel's buffers hold some megabytes, the proxy 64 or 256 KiB: the rest waits with its sender");
        ((await proxy.RentedAsync()) + (await proxy.RentedPipesAsync())).ShouldBe(1, "the one block, or pipe, that the client does not take");
        sender.End();
        (await client.ReadFillAsync()).ShouldBe(sent);
        (await proxy.RentedAsync()).ShouldBe(0);
        (await proxy.RentedPipesAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task Idle_connections_hold_no_buffer_and_cost_less_than_two_kilobytes_each()
    {
        const int Count = 300;
        var peers = new List<TcpPeer>();
        async Task OpenAsync()
        {
            var (client, server) = await ConnectAsync();
            peers.AddRange([client, server]);
            await client.SendAsync("x");
            await server.ReadAsync(1);
            await server.SendAsync("y");
            await client.ReadAsync(1);
        }

        for (var i = 0; i < 50; i++) await OpenAsync(); // tables and pools have grown
        var before = await _proxy.AllocatedAsync();
        for (var i = 0; i < Count; i++) await OpenAsync();
        var each = (await _proxy.AllocatedAsync() - before) / Count;

        TestContext.Current.TestOutputHelper?.WriteLine($"{each} bytes allocated per connection");
        each.ShouldBeLessThan(2048); // everything that was ever allocated for it, kept or not
        (await _proxy.RentedAsync()).ShouldBe(0);
        foreach (var peer in peers) peer.Dispose();
    }

    [Fact]
    public async Task Bytes_that_move_allocate_nothing()
    {
        var (client, server) = await ConnectAsync();
        using var _ = client;
        using var __ = server;
        RoundTrips(client.Socket, server.Socket, 2_000, 512);
        RoundTrips(client.Socket, server.Socket, 50, 1 << 17);
        var before = await _proxy.AllocatedAsync();
        RoundTrips(client.Socket, server.Socket, 5_000, 512);
        RoundTrips(client.Socket, server.Socket, 200, 1 << 17);
        // The readings themselves cost a few hundred bytes; one object per event would be hundreds of thousands.
        (await _proxy.AllocatedAsync() - before).ShouldBeLessThan(4096);
    }

    [Fact]
    public async Task A_connection_without_a_byte_is_reset_after_its_idle_time_and_one_with_bytes_is_not()
    {
        _proxy.Cluster("backend", [_server.Address]).ListenBytes("\"cluster\": \"backend\", \"idle_timeout\": \"1s\"");
        var (busy, busyServer) = await ConnectAsync();
        var (idle, idleServer) = await ConnectAsync();
        for (var i = 0; i < 16; i++)
        {
            await busyServer.SendAsync("x");
            await busy.ReadAsync(1);
            await Task.Delay(100, Stop);
        }
        (await idle.IsResetAsync()).ShouldBeTrue();
        (await idleServer.IsResetAsync()).ShouldBeTrue();
        await EndedAsync(Fault.IdleTimeout);
        await busyServer.SendAsync("y");
        (await busy.ReadAsync(1)).ShouldBe("y");
        busy.Reset();
        busyServer.Dispose();
    }

    [Fact]
    public async Task A_connection_is_reset_at_its_maximum_duration_whatever_it_does()
    {
        _proxy.Cluster("backend", [_server.Address]).ListenBytes("\"cluster\": \"backend\", \"max_downstream_connection_duration\": \"0.5s\"");
        var (client, server) = await ConnectAsync();
        await Should.ThrowAsync<SocketException>(async () =>
        {
            while (true)
            {
                await client.SendAsync("x");
                await server.ReadAsync(1);
                await Task.Delay(20, Stop);
            }
        });
        await EndedAsync(Fault.MaxDuration);
    }

    /// <summary>Blocking sockets, so that the test allocates little itself.</summary>
    private static void RoundTrips(Socket client, Socket server, int times, int bytes)
    {
        var block = new byte[bytes];
        for (var i = 0; i < times; i++)
        {
            Pass(client, server, block);
            Pass(server, client, block);
        }

        static void Pass(Socket from, Socket to, byte[] block)
        {
            var sent = 0;
            var received = 0;
            while (received < block.Length)
            {
                if (sent < block.Length) sent += from.Send(block, sent, Math.Min(32 << 10, block.Length - sent), SocketFlags.None);
                received += to.Receive(block, received, block.Length - received, SocketFlags.None);
            }
        }
    }
}
