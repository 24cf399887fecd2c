using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>One end of a TCP connection, in the test's hands.</summary>
internal sealed class TcpPeer(Socket socket) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public Socket Socket => socket;

    public static async Task<TcpPeer> ConnectAsync(IPEndPoint address, int receiveBuffer = 0)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0) socket.ReceiveBufferSize = receiveBuffer;
        await socket.ConnectAsync(address);
        return new TcpPeer(socket);
    }

    /// <summary>True when what listens there resets its connections at once; so early that connecting itself may hear of it.</summary>
    public static async Task<bool> IsResetAsync(IPEndPoint address, string saying = "")
    {
        try
        {
            using var peer = await ConnectAsync(address);
            await peer.SendAsync(saying);
            return await peer.IsResetAsync();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
            return true;
        }
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!bytes.IsEmpty) bytes = bytes[(await socket.SendAsync(bytes, limit.Token))..];
    }

    /// <summary>At least one byte, or none at the end of the stream; throws on a reset.</summary>
    public async Task<int> ReceiveAsync(Memory<byte> into)
    {
        using var limit = new CancellationTokenSource(Patience);
        return await socket.ReceiveAsync(into, limit.Token);
    }

    public async Task<string> ReadAsync(int count)
    {
        var bytes = new byte[count];
        var length = 0;
        while (length < count)
        {
            var read = await ReceiveAsync(bytes.AsMemory(length));
            if (read == 0) throw new EndOfStreamException($"the stream ended after '{Encoding.Latin1.GetString(bytes, 0, length)}'");
            length += read;
        }
        return Encoding.Latin1.GetString(bytes);
    }

    public async Task<string> ReadToEndAsync()
    {
        var all = new StringBuilder();
        var block = new byte[65536];
        while (await ReceiveAsync(block) is > 0 and var read) all.Append(Encoding.Latin1.GetString(block, 0, read));
        return all.ToString();
    }

    /// <summary>FIN: reading goes on.</summary>
    public void End() => socket.Shutdown(SocketShutdown.Send);

    /// <summary>RST.</summary>
    public void Reset()
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
    }

    /// <summary>True when the connection was reset, false when it ended; what comes before is thrown away.</summary>
    public async Task<bool> IsResetAsync()
    {
        var block = new byte[65536];
        try
        {
            while (await ReceiveAsync(block) > 0) { }
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
            return true;
        }
    }

    public void Dispose() => socket.Dispose();
}
