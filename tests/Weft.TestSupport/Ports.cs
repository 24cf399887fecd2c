using System.Net;
using System.Net.Sockets;

namespace Weft.TestSupport;

/// <summary>
/// Ports for servers that a test starts later, or starts again. They lie below the range that the kernel gives to outgoing connections: a port of that range may be somebody's
/// source port by the time the server binds it, and a client that waits for the server to come back may even connect to itself.
/// </summary>
public static class Ports
{
    private const int First = 19000, End = 32000;

    private static int s_next = Random.Shared.Next(First, End);

    /// <summary>A port of this machine's loopback that nobody listens on, and that this process has not handed out before.</summary>
    public static int Free()
    {
        for (var tries = First; tries < End; tries++)
        {
            var port = First + ((Interlocked.Increment(ref s_next) & int.MaxValue) % (End - First));
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Any, port));
                socket.Listen();
                return port;
            }
            catch (SocketException)
            {
                // taken: the next
            }
        }
        throw new InvalidOperationException($"no port from {First} to {End - 1} is free");
    }
}
