using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Weft.Fuzz.Http2;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>An attacker's HTTP/2 connection: sends as fast as it can and notes only how the proxy ends it.</summary>
internal sealed class FloodConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendBufferSize = 16384 };
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The code of the last GOAWAY.</summary>
    public RawCode? GoAway { get; private set; }

    /// <summary>RST_STREAM frames that came.</summary>
    public int Resets { get; private set; }

    public bool IsClosed => _closed.Task.IsCompleted;

    /// <param name="reads">False: never takes a byte of what the proxy says.</param>
    public static async Task<FloodConnection> ConnectAsync(IPEndPoint address, bool reads = true, params (ushort Id, uint Value)[] settings)
    {
        var connection = new FloodConnection();
        if (!reads) connection._socket.ReceiveBufferSize = 4096;
        await connection._socket.ConnectAsync(address);
        byte[] hello = [.. RawFrame.Preface, .. RawFrame.Settings(settings).ToBytes(), .. RawFrame.SettingsAck.ToBytes()];
        await connection.SendAsync(hello);
        if (reads) _ = connection.ReadAsync();
        return connection;
    }

    /// <summary>False when the proxy has closed, or takes nothing for <paramref name="patience"/> (default 10 s).</summary>
    public async Task<bool> SendAsync(ReadOnlyMemory<byte> bytes, TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? TimeSpan.FromSeconds(10));
        try
        {
            while (!bytes.IsEmpty && !IsClosed) bytes = bytes[(await _socket.SendAsync(bytes, limit.Token))..];
            return !IsClosed;
        }
        catch (SocketException)
        {
            if (_socket.ReceiveBufferSize <= 8192) _closed.TrySetResult(); // nobody reads: this is how the end shows
            await ClosedAsync(TimeSpan.FromSeconds(1)); // what it said before may still be read
            _closed.TrySetResult();
            return false;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Whether the proxy closes within <paramref name="limit"/>.</summary>
    public async Task<bool> ClosedAsync(TimeSpan limit) => await Task.WhenAny(_closed.Task, Task.Delay(limit)) == _closed.Task;

    public void Dispose() => _socket.Dispose();

    private async Task ReadAsync()
    {
        var (buffer, length) = (new byte[1 << 17], 0);
        try
        {
            while (await _socket.ReceiveAsync(buffer.AsMemory(length)) is > 0 and var read)
            {
                length += read;
                var at = 0;
                while (length - at >= 9)
                {
                    var size = buffer[at] << 16 | buffer[at + 1] << 8 | buffer[at + 2];
                    if (length - at < 9 + size) break;
                    if (buffer[at + 3] == (byte)RawType.GoAway) GoAway = (RawCode)BinaryPrimitives.ReadUInt32BigEndian(buffer.AsSpan(at + 13));
                    if (buffer[at + 3] == (byte)RawType.RstStream) Resets++;
                    at += 9 + size;
                }
                buffer.AsSpan(at, length - at).CopyTo(buffer);
                length -= at;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // reset, or the attack is over
        }
        _closed.TrySetResult();
    }
}
