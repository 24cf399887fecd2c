using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Xunit;
using Socket = System.Net.Sockets.Socket;

namespace Weft.Proxy.Tests.Transport;

/// <summary>Counts what the whole process holds, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(LoadTests), DisableParallelization = true)]
public sealed class LoadCollection;

[Collection(nameof(LoadTests))]
public sealed class LoadTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_thousand_connections_leave_no_descriptor_no_buffer_and_no_timer_behind(bool tls)
    {
        using var pair = new TlsPair();
        var host = pair.Host;
        var listener = tls ? pair.Listener : host.Listen(s => s.Plain(new Echo(host.Worker.Buffers)));
        var client = tls ? pair.Client() : null;
        Round(host, listener, client, 20);
        var before = OpenDescriptors();
        Round(host, listener, client, 1000);
        host.Until(() => host.Worker.SocketCount == (tls ? 1 : 2), "all closed");
        OpenDescriptors().ShouldBeLessThanOrEqualTo(before);
        host.On(() => (host.Worker.Buffers.Rented, host.Worker.Timers.Count)).ShouldBe((0, 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_warm_echo_allocates_nothing(bool isTls)
    {
        using var pair = new TlsPair();
        var host = pair.Host;
        var listener = isTls ? pair.Listener : host.Listen(s => s.Plain(new Echo(host.Worker.Buffers)));
        using var socket = PlainChannelTests.Connect(listener.Local);
        await using Stream stream = isTls ? await TlsChannelTests.DotNetClient(pair, socket) : new NetworkStream(socket);
        var (request, response) = (new byte[1000], new byte[1000]);
        void Exchange(int times)
        {
            for (var i = 0; i < times; i++)
            {
                stream.Write(request);
                stream.ReadExactly(response);
            }
        }

        Exchange(2_000);
        var before = host.On(GC.GetAllocatedBytesForCurrentThread);
        Exchange(5_000);
        // Asking itself allocates an object or two; one per hundred exchanges would already show.
        (host.On(GC.GetAllocatedBytesForCurrentThread) - before).ShouldBeLessThan(200);
    }

    [Fact]
    public void Running_out_of_descriptors_rests_the_listener_and_spins_nothing()
    {
        using var host = new WorkerHost();
        var listener = host.Listen(s => s.Plain(new Echo(host.Worker.Buffers)));
        var waiting = new List<Socket>();
        var old = DescriptorLimit.Current;
        try
        {
            for (var i = 0; i < 20; i++) waiting.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 });
            using var spare = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            DescriptorLimit.Current = (ulong)spare.Handle + 5; // room for a few of the twenty
            foreach (var socket in waiting)
            {
                socket.Connect(listener.Local);
                socket.Send("x"u8);
            }
            host.Until(() => listener.Rests > 0, "resting");
            var turns = host.Worker.Turns;
            Thread.Sleep(500);
            (host.Worker.Turns - turns).ShouldBeLessThan(50);
            DescriptorLimit.Current = old;
            foreach (var socket in waiting) PlainChannelTests.ReadText(socket, 1).ShouldBe("x");
        }
        finally
        {
            DescriptorLimit.Current = old;
            waiting.ForEach(s => s.Dispose());
        }
    }

    /// <summary>Every descriptor is closed once. A second close would hit whoever got the number meanwhile, somewhere else in the process.</summary>
    [Fact]
    public void A_worker_that_ends_closes_what_it_owns_once()
    {
        using var pair = new TlsPair();
        pair.Exchange(pair.Connect(pair.Client()));
        for (var i = 0; i < 50; i++)
        {
            var before = OpenDescriptors();
            var files = new List<FileStream>();
            var worker = new Worker("ending", new WorkerSettings(), TimeProvider.System, _ => { });
            worker.Listen(WorkerHost.Loopback, new ListenOptions(), new Refuse());
            worker.Connect(pair.Address, null, "", WorkerHost.Patience, new Echo(worker.Buffers));
            worker.Turn(0);
            worker.Stop();
            worker.Run();
            for (var f = 0; f < 5; f++) files.Add(File.OpenRead("/dev/zero")); // take the numbers that it gave back
            worker.Dispose();
            worker.Dispose();
            files.ForEach(f => f.ReadExactly(new byte[1]));
            files.ForEach(f => f.Dispose());
            OpenDescriptors().ShouldBeLessThanOrEqualTo(before + 1, "the pair may still be closing its side");
        }
    }

    private sealed class Refuse : IAcceptHandler
    {
        public void OnAccepted(AcceptedSocket socket) => socket.Close();
    }

    private static void Round(WorkerHost host, ListeningSocket listener, ClientTls? tls, int count)
    {
        foreach (var batch in Enumerable.Range(0, count).Chunk(50))
        {
            var clients = batch.Select(_ => new Recorder(host)).ToList();
            foreach (var client in clients)
                host.On(() => host.Worker.Connect(listener.Local, tls, "x", WorkerHost.Patience, client));
            foreach (var (client, index) in clients.Select((c, i) => (c, i)))
            {
                var channel = client.Opened;
                host.On(() => channel.Write("hello"u8, out _)).ShouldBe(IoStatus.Ok);
                if (index % 3 == 0) host.On(channel.Abort);
                else host.Until(() => client.Received.Length == 5, "echo");
                if (index % 3 == 1) host.On(channel.ShutdownWrite);
                if (index % 3 == 1) client.Ended.ShouldBe(IoStatus.EndOfStream);
                host.On(channel.Close);
            }
        }
    }

    private static int OpenDescriptors() => Directory.GetFiles("/proc/self/fd").Length;
}
