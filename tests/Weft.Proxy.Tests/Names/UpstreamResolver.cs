using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Weft.Proxy.Tests.Names;

/// <summary>A resolver that says what a test tells it to, over UDP and TCP on one port of loopback.</summary>
internal sealed class UpstreamResolver : IDisposable
{
    private readonly Socket _datagrams = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _stream;
    private readonly CancellationTokenSource _stop = new();

    public UpstreamResolver()
    {
        _stream = new TcpListener(IPAddress.Loopback, 0);
        _stream.Start();
        _datagrams.Bind(_stream.LocalEndpoint);
        _ = ServeDatagramsAsync();
        _ = ServeStreamsAsync();
    }

    public IPEndPoint Address => (IPEndPoint)_stream.LocalEndpoint;

    /// <summary>Datagrams to send back, in order; none is silence. On a pool thread.</summary>
    public Func<byte[], IEnumerable<byte[]>> OnDatagram { get; set; } = _ => [];

    /// <summary>The message to send back over a connection; null closes it.</summary>
    public Func<byte[], byte[]?> OnStream { get; set; } = _ => null;

    /// <summary>Every question, and how it came: <c>udp www.shop.test 1</c>.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Where datagrams came from.</summary>
    public ConcurrentQueue<(IPEndPoint From, byte[] Query)> Datagrams { get; } = new();

    /// <summary>The same for everything: one A record with a minute to live.</summary>
    public UpstreamResolver Answering(string address, uint seconds = 60)
    {
        OnDatagram = q => [DnsBytes.Reply(q, DnsBytes.Answers, 1, 0, DnsBytes.A(DnsBytes.PointerToQuestion, seconds, address))];
        return this;
    }

    /// <summary>A datagram from another port than the one that was asked.</summary>
    public static void Forge(IPEndPoint to, byte[] datagram)
    {
        using var other = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        other.Send(datagram, to);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _datagrams.Dispose();
        _stream.Dispose();
        _stop.Dispose();
    }

    private void Note(string how, byte[] query)
    {
        var (_, _, name, type) = DnsBytes.Read(query);
        Asked.Enqueue($"{how} {name} {type}");
    }

    private async Task ServeDatagramsAsync()
    {
        var buffer = new byte[65535];
        try
        {
            while (true)
            {
                var received = await _datagrams.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                var query = buffer[..received.ReceivedBytes];
                Note("udp", query);
                Datagrams.Enqueue(((IPEndPoint)received.RemoteEndPoint, query));
                foreach (var answer in OnDatagram(query)) await _datagrams.SendToAsync(answer, received.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeStreamsAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _stream.AcceptTcpClientAsync(_stop.Token);
                var stream = client.GetStream();
                var length = new byte[2];
                await stream.ReadExactlyAsync(length, _stop.Token);
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(query, _stop.Token);
                Note("tcp", query);
                if (OnStream(query) is not { } answer) continue;
                // In two pieces, as a network may bring it.
                await stream.WriteAsync((byte[])[.. DnsBytes.Number(answer.Length), .. answer.Take(5)], _stop.Token);
                await Task.Delay(5, _stop.Token);
                await stream.WriteAsync(answer.AsMemory(5), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or IOException)
        {
            // The test is over.
        }
    }
}
