using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.Tests.Cases;

/// <summary>One connection of one case: sends octets as they are and keeps what comes back.</summary>
internal sealed class CaseClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _block = new byte[65536];
    private readonly StringBuilder _text = new();

    public string Text => _text.ToString();

    /// <summary>The proxy ended the connection in order.</summary>
    public bool Ended { get; private set; }

    /// <summary>The proxy reset the connection.</summary>
    public bool Reset { get; private set; }

    public bool Closed => Ended || Reset;

    public static async Task<CaseClient> ConnectAsync(IPEndPoint proxy)
    {
        var client = new CaseClient();
        await client._socket.ConnectAsync(proxy);
        return client;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> octets)
    {
        try
        {
            while (!octets.IsEmpty) octets = octets[(await _socket.SendAsync(octets))..];
        }
        catch (SocketException)
        {
            // refused before its end: reading tells
        }
    }

    /// <summary>Reads until the connection ends, <paramref name="enough"/> says so, or the time is over.</summary>
    public async Task ReadAsync(Func<string, bool> enough, TimeSpan limit)
    {
        using var over = new CancellationTokenSource(limit);
        try
        {
            while (!Closed && !enough(Text))
            {
                var read = await _socket.ReceiveAsync(_block, over.Token);
                if (read == 0) Ended = true;
                _text.Append(Encoding.Latin1.GetString(_block, 0, read));
            }
        }
        catch (OperationCanceledException)
        {
            // the judge sees that it is still open
        }
        catch (SocketException)
        {
            Reset = true;
        }
    }

    public void Dispose() => _socket.Dispose();
}
