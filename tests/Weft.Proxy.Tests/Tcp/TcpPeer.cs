using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
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

    /// <summary>Sends <paramref name="total"/> random bytes in pieces of random sizes, and its end; their SHA-256.</summary>
    public async Task<string> SendRandomAsync(int seed, int total)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new Random(seed);
        var block = new byte[100_000];
        for (var sent = 0; sent < total;)
        {
            var length = Math.Min(random.Next(1, block.Length), total - sent);
            random.NextBytes(block.AsSpan(0, length));
            hash.AppendData(block.AsSpan(0, length));
            await SendAsync(block.AsMemory(0, length));
            sent += length;
        }
        End();
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>SHA-256 of everything until the end.</summary>
    public async Task<string> HashAsync()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[1 << 16];
        while (await ReceiveAsync(block) is > 0 and var read) hash.AppendData(block.AsSpan(0, read));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>Sends bytes numbered (modulo 251) from <paramref name="before"/> on until nothing more is taken; how many were.</summary>
    public async Task<long> FillAsync(long before = 0)
    {
        socket.Blocking = false;
        var sent = 0L;
        var block = new byte[1 << 16];
        for (var stalled = 0; stalled < 10;)
        {
            for (var i = 0; i < block.Length; i++) block[i] = (byte)((before + sent + i) % 251);
            var taken = socket.Send(block, SocketFlags.None, out var error);
            if (error is not (SocketError.Success or SocketError.WouldBlock)) throw new SocketException((int)error);
            if (error == SocketError.Success)
            {
                sent += taken;
                stalled = 0;
                continue;
            }
            stalled++;
            await Task.Delay(30);
        }
        socket.Blocking = true;
        return sent;
    }

    /// <summary>Reads to the end what <see cref="FillAsync"/> sent, and holds every byte against its number; how many bytes there are, those <paramref name="before"/> included.</summary>
    public async Task<long> ReadFillAsync(long before = 0)
    {
        var block = new byte[50_000];
        while (await ReceiveAsync(block) is > 0 and var length)
        {
            for (var i = 0; i < length; i++)
            {
                if (block[i] != (byte)((before + i) % 251)) throw new InvalidDataException($"byte {before + i} is {block[i]}");
            }
            before += length;
        }
        return before;
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

    /// <summary>What came before the connection was over, however it ended.</summary>
    public async Task<string> ReadToEndOrResetAsync()
    {
        var text = new StringBuilder();
        var bytes = new byte[4096];
        try
        {
            while (await ReceiveAsync(bytes) is > 0 and var read) text.Append(Encoding.Latin1.GetString(bytes, 0, read));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
            // over
        }
        return text.ToString();
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
