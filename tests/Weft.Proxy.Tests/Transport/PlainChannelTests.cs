using System.Net;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Xunit;
using Socket = System.Net.Sockets.Socket;

namespace Weft.Proxy.Tests.Transport;

public sealed class PlainChannelTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Echo_answers_a_socket_client(string address)
    {
        using var host = new WorkerHost();
        var listener = host.Listen(s => s.Plain(new Echo(host.Worker.Buffers)), at: new IPEndPoint(IPAddress.Parse(address), 0));
        using var client = Connect(listener.Local);
        for (var i = 0; i < 100; i++)
        {
            client.Send(Encoding.ASCII.GetBytes($"ping {i:000}"));
            ReadText(client, 8).ShouldBe($"ping {i:000}");
        }
        client.Shutdown(SocketShutdown.Send);
        client.Receive(new byte[1]).ShouldBe(0);
        host.Until(() => host.Worker.SocketCount == 1, "the channel is closed");
        host.On(() => host.Worker.Buffers.Rented).ShouldBe(0);
    }

    [Fact]
    public void A_dual_stack_listener_shows_an_ipv4_client_as_ipv4()
    {
        using var host = new WorkerHost();
        IPEndPoint? remote = null, local = null;
        var listener = host.Listen(
            s =>
            {
                (remote, local) = (s.Remote, s.Local);
                s.Plain(new Echo(host.Worker.Buffers));
            },
            at: new IPEndPoint(IPAddress.IPv6Any, 0));
        using var client = Connect(new IPEndPoint(IPAddress.Loopback, listener.Local.Port));
        client.Send("x"u8);
        ReadText(client, 1).ShouldBe("x");
        remote.ShouldBe(client.LocalEndPoint);
        local.ShouldBe(client.RemoteEndPoint);
    }

    /// <summary>The end arrives in the same event as the last bytes, and a read that comes up short must not take it for drained.</summary>
    [Fact]
    public void An_end_that_comes_with_the_last_bytes_is_seen()
    {
        using var host = new WorkerHost();
        var recorders = new List<Recorder>();
        var listener = host.Listen(s =>
        {
            var recorder = new Recorder(host);
            recorders.Add(recorder);
            s.Plain(recorder);
        });
        for (var i = 0; i < 200; i++)
        {
            var index = i;
            using var client = Connect(listener.Local);
            host.On(() => Thread.Sleep(index % 10 == 0 ? 20 : 0)); // while the worker is busy, bytes and FIN gather
            client.Send("last words"u8);
            client.Shutdown(SocketShutdown.Send);
            host.Until(() => recorders.Count == index + 1, "accepted");
            recorders[i].Ended.ShouldBe(IoStatus.EndOfStream);
            recorders[i].ReceivedText.ShouldBe("last words");
            host.On(() => recorders[index].Opened.Close());
        }
    }

    [Theory]
    [InlineData(4096, 4096)]
    [InlineData(null, null)]
    public async Task Large_transfers_echo_unchanged_through_small_buffers_and_a_slow_reader(int? sendBuffer, int? receiveBuffer)
    {
        using var host = new WorkerHost();
        var options = new ListenOptions { SendBufferBytes = sendBuffer, ReceiveBufferBytes = receiveBuffer };
        var listener = host.Listen(s => s.Plain(new Echo(host.Worker.Buffers)), options);
        using var client = Connect(listener.Local);
        await Streams.ExchangeSlowly(new NetworkStream(client), sendBuffer is null ? 32 << 20 : 4 << 20, () => client.Shutdown(SocketShutdown.Send));
        host.Until(() => host.Worker.SocketCount == 1, "the channel is closed");
        host.On(() => host.Worker.Buffers.Rented).ShouldBe(0);
    }

    [Fact]
    public void Two_pieces_are_written_in_order_whatever_the_socket_takes()
    {
        using var host = new WorkerHost();
        var pair = Pair(host, new ListenOptions { SendBufferBytes = 4096 });
        var (first, second) = (new byte[30_000], new byte[200_000]);
        new Random(1).NextBytes(first);
        new Random(2).NextBytes(second);
        byte[] all = [.. first, .. second];
        var sent = 0;
        var received = new MemoryStream();
        var into = new byte[7_000];
        while (received.Length < all.Length)
        {
            if (sent < all.Length)
            {
                sent += host.On(() =>
                {
                    var head = sent < first.Length ? first.AsSpan(sent) : default;
                    var body = second.AsSpan(Math.Max(0, sent - first.Length));
                    var status = pair.Channel.Write(head, body, out var written);
                    status.ShouldBeOneOf(IoStatus.Ok, IoStatus.WouldBlock);
                    if (status == IoStatus.WouldBlock) written.ShouldBe(0);
                    return written;
                });
            }
            received.Write(into, 0, pair.Client.Receive(into));
        }
        received.ToArray().ShouldBe(all);
        pair.Client.Dispose();
    }

    [Fact]
    public void Events_come_only_after_would_block()
    {
        using var host = new WorkerHost();
        var pair = Pair(host);
        pair.Recorder.HoldsBack = true; // from now on OnReadable stops on purpose, without reading
        pair.Client.Send("one"u8);
        host.Until(() => pair.Recorder.Readables == 1, "readable");
        pair.Client.Send("two"u8);
        Thread.Sleep(50);
        host.On(() => pair.Recorder.Readables).ShouldBe(1, "who stopped on purpose is left alone");
        host.On(() => pair.Recorder.Drain(pair.Channel));
        pair.Recorder.ReceivedText.ShouldBe("onetwo");
        pair.Client.Send("three"u8);
        host.Until(() => pair.Recorder.Readables == 2, "readable again after WouldBlock");
        pair.Client.Dispose();
    }

    [Fact]
    public void A_handler_that_does_not_read_is_told_that_the_peer_ended_or_reset()
    {
        using var host = new WorkerHost();
        foreach (var reset in new[] { false, true })
        {
            var pair = Pair(host);
            pair.Recorder.HoldsBack = true;
            pair.Client.Send("x"u8);
            host.Until(() => pair.Recorder.Readables == 1, "readable");
            if (reset) pair.Client.LingerState = new LingerOption(true, 0);
            pair.Client.Dispose();
            host.Until(() => pair.Recorder.PeerReset == reset, "the hint");
            host.On(pair.Channel.Close);
        }
    }

    [Fact]
    public void A_full_socket_blocks_and_tells_when_there_is_room()
    {
        using var host = new WorkerHost();
        var pair = Pair(host, new ListenOptions { SendBufferBytes = 8192 });
        var chunk = new byte[65536];
        long sent = 0;
        int told;
        do // the kernel may move bytes on to the client's side after a first refusal, so: until it stays full
        {
            told = host.On(() =>
            {
                IoStatus status;
                do
                {
                    status = pair.Channel.Write(chunk, out var written);
                    sent += written;
                }
                while (status == IoStatus.Ok);
                status.ShouldBe(IoStatus.WouldBlock);
                pair.Channel.Write(chunk, out _).ShouldBe(IoStatus.WouldBlock);
                return pair.Recorder.Writables;
            });
            Thread.Sleep(50);
        }
        while (host.On(() => pair.Recorder.Writables) != told);
        var into = new byte[65536];
        for (long got = 0; got < sent;) got += pair.Client.Receive(into);
        host.Until(() => pair.Recorder.Writables > told, "writable");
        host.On(() => pair.Channel.Write(chunk.AsSpan(0, 10), out _)).ShouldBe(IoStatus.Ok);
        pair.Client.Dispose();
    }

    [Fact]
    public void A_reset_fails_reads_and_writes_with_its_name_and_closes()
    {
        using var host = new WorkerHost();
        var pair = Pair(host);
        pair.Client.LingerState = new LingerOption(true, 0);
        pair.Client.Dispose();
        pair.Recorder.Ended.ShouldBe(IoStatus.Failed);
        pair.Channel.Failure.ShouldBe(ChannelFailure.Reset);
        pair.Channel.FailureText.ShouldBe("connection reset by peer");
        host.On(() => pair.Channel.Write("x"u8, out _)).ShouldBe(IoStatus.Failed);
        host.On(() => host.Worker.SocketCount).ShouldBe(0);
        host.On(pair.Channel.Close);
    }

    [Fact]
    public void Abort_resets_and_shutdown_ends_one_direction_only()
    {
        using var host = new WorkerHost();
        var pair = Pair(host);
        host.On(pair.Channel.ShutdownWrite);
        pair.Client.Receive(new byte[1]).ShouldBe(0);
        pair.Client.Send("still heard"u8);
        host.Until(() => pair.Recorder.ReceivedText.Length == 11, "reading goes on");
        host.On(pair.Channel.Abort);

        var other = Pair(host);
        host.On(other.Channel.Abort);
        Should.Throw<System.Net.Sockets.SocketException>(() => other.Client.Receive(new byte[1])).SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
    }

    [Fact]
    public void Urgent_data_does_not_hide_what_follows()
    {
        using var host = new WorkerHost();
        var pair = Pair(host);
        for (var i = 0; i < 50; i++)
        {
            host.On(() => Thread.Sleep(1));
            pair.Client.Send("before"u8);
            pair.Client.Send("!"u8, SocketFlags.OutOfBand);
            pair.Client.Send("after"u8);
        }
        host.Until(() => pair.Recorder.ReceivedText.Replace("!", "") == string.Concat(Enumerable.Repeat("beforeafter", 50)), "all bytes in band are read");
        pair.Client.Dispose();
    }

    internal static Socket Connect(IPEndPoint to)
    {
        var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 20_000, SendTimeout = 20_000 };
        socket.Connect(to);
        return socket;
    }

    internal static string ReadText(Socket socket, int bytes)
    {
        var into = new byte[bytes];
        for (var got = 0; got < bytes;)
        {
            var count = socket.Receive(into, got, bytes - got, SocketFlags.None);
            if (count == 0) break;
            got += count;
        }
        return Encoding.ASCII.GetString(into);
    }

    private static (Channel Channel, Recorder Recorder, Socket Client) Pair(WorkerHost host, ListenOptions? options = null)
    {
        var recorder = new Recorder(host);
        var listener = host.Listen(s => s.Plain(recorder), options);
        var client = Connect(listener.Local);
        var channel = recorder.Opened;
        host.On(listener.Close);
        return (channel, recorder, client);
    }
}
