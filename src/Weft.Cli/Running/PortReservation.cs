using System.Net;
using System.Net.Sockets;

namespace Weft.Cli.Running;

/// <summary>
/// Ports that belong to one run for its whole life, also while its sidecar is being restarted. Each is held by a bound socket that does not
/// listen: other programs cannot bind the port, while the proxy can, because its listeners and this socket both say SO_REUSEPORT and have one
/// owner (socket(7)). Asking the kernel for a free port, closing it and hoping is the tempting way: under load the
/// number comes back as the local port of somebody's outgoing connection, which is also why ports are taken from below the range of those.
/// </summary>
/// <param name="first">First port to choose from.</param>
/// <param name="last">Last port to choose from. Linux makes outgoing connections from 32768 upwards unless told otherwise.</param>
public sealed class PortReservation(int first = 20_000, int last = 31_999) : IDisposable
{
    private const int SolSocket = 1;
    private const int SoReusePort = 15;

    private readonly List<Socket> _held = [];

    /// <summary>Takes a port that nobody uses on <paramref name="address"/>.</summary>
    /// <exception cref="CliException">All are in use.</exception>
    public int Take(IPAddress address, Random random)
    {
        var count = last - first + 1;
        var start = random.Next(count);
        for (var i = 0; i < count; i++)
        {
            var port = first + (start + i) % count;
            if (TryHold(address, port)) return port;
        }
        throw new CliException($"no port between {first} and {last} is free on {address}");
    }

    public void Dispose()
    {
        foreach (var socket in _held) socket.Dispose();
    }

    private bool TryHold(IPAddress address, int port)
    {
        // ProtocolType.Tcp would be the same socket, but the class library sets SO_REUSEADDR on what it knows to be TCP, and two such sockets share a port.
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Bound without SO_REUSEPORT first, so that a port which another run holds is refused; shared only afterwards.
            socket.Bind(new IPEndPoint(address, port));
            socket.SetRawSocketOption(SolSocket, SoReusePort, BitConverter.GetBytes(1));
            _held.Add(socket);
            return true;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return false;
        }
    }
}
