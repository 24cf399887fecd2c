using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>
/// Which of an attacker's connections the proxy's process still holds, as the kernel tells. Asking the attacker's own sockets would be wrong: one that reads nothing
/// never learns of the end that stands behind what it did not read.
/// </summary>
internal sealed class HeldConnections
{
    private readonly int _port;
    private readonly Stopwatch _sinceTable = Stopwatch.StartNew();
    private Dictionary<int, Socket> _held;

    public HeldConnections(int port, IEnumerable<Socket> clients)
    {
        _port = port;
        _held = clients.ToDictionary(s => ((IPEndPoint)s.LocalEndPoint!).Port);
    }

    public int Count => _held.Count;

    public bool Any => _held.Count > 0;

    public void Each(Action<Socket> action)
    {
        foreach (var socket in _held.Values) action(socket);
    }

    /// <summary>Drops those that are held no more.</summary>
    public void Look()
    {
        foreach (var (port, socket) in _held.ToList())
        {
            if (!IsEstablished(socket)) _held.Remove(port);
        }
        if (_held.Count == 0 || _sinceTable.ElapsedMilliseconds < 1000) return;
        _sinceTable.Restart();
        DropWhatTheTableDoesNotHave();
    }

    /// <summary>As the attacker's own kernel has it; true as long as the end did not arrive.</summary>
    private static bool IsEstablished(Socket socket)
    {
        const int Tcp = 6, TcpInfo = 11, Established = 1;
        Span<byte> info = stackalloc byte[8];
        socket.GetRawSocketOption(Tcp, TcpInfo, info);
        return info[0] == Established;
    }

    /// <summary>No line in the table, or one without an inode: closed by the process, while the kernel still delivers.</summary>
    private void DropWhatTheTableDoesNotHave()
    {
        var held = new Dictionary<int, Socket>();
        foreach (var line in File.ReadLines("/proc/net/tcp").Skip(1))
        {
            var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var (local, remote) = (Port(columns[1]), Port(columns[2]));
            if (local == _port && columns[9] != "0" && _held.TryGetValue(remote, out var socket)) held[remote] = socket;
        }
        _held = held;
    }

    private static int Port(string address) => int.Parse(address.AsSpan(address.IndexOf(':') + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
