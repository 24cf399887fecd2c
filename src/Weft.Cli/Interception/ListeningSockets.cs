using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Weft.Cli.Interception;

/// <summary>A socket that takes connections or datagrams.</summary>
/// <param name="Inode">Its number among the machine's sockets.</param>
public sealed record ListeningSocket(IPAddress Address, int Port, bool IsUdp, long Inode)
{
    /// <summary>True when it takes what is redirected in the machine itself: REDIRECT leads there to 127.0.0.1 or ::1.</summary>
    public bool TakesLocal(AddressFamily family) => IsAny(family) || Address.Equals(family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback);

    /// <summary>True when it takes what is redirected on its way in: REDIRECT leads there to an address of the interface, never to loopback.</summary>
    public bool TakesForeign => !IPAddress.IsLoopback(Address);

    /// <summary><c>::</c> takes IPv4 too unless the program said otherwise, which cannot be seen from outside.</summary>
    private bool IsAny(AddressFamily family) => Address.Equals(IPAddress.IPv6Any) || (family == AddressFamily.InterNetwork && Address.Equals(IPAddress.Any));
}

/// <summary>The sockets of a network namespace that listen, from <c>/proc/PID/net</c> (proc(5)): looked at without touching a port, so that no server sees a connection that nobody made.</summary>
public static class ListeningSockets
{
    private const string TcpListen = "0A";
    private const string UdpUnconnected = "07";

    /// <param name="folder"><c>/proc/PID/net</c>, or <c>/proc/thread-self/net</c>.</param>
    public static IReadOnlyList<ListeningSocket> Of(string folder) =>
        [.. Read(folder, "tcp", isUdp: false), .. Read(folder, "tcp6", isUdp: false), .. Read(folder, "udp", isUdp: true), .. Read(folder, "udp6", isUdp: true)];

    private static IEnumerable<ListeningSocket> Read(string folder, string file, bool isUdp)
    {
        var path = Path.Combine(folder, file);
        return File.Exists(path) ? Parse(File.ReadAllText(path), isUdp) : []; // a kernel without IPv6
    }

    /// <summary>The lines of <c>/proc/net/tcp</c> and its like: <c>sl local remote state queues timer retransmits uid timeout inode ...</c>.</summary>
    internal static IEnumerable<ListeningSocket> Parse(string text, bool isUdp)
    {
        foreach (var line in text.Split('\n').Skip(1))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [_, var local, _, var state, _, _, _, _, _, var inode, ..]) continue;
            if (state != (isUdp ? UdpUnconnected : TcpListen)) continue;
            var colon = local.IndexOf(':', StringComparison.Ordinal);
            yield return new ListeningSocket(
                Address(local.AsSpan(0, colon)), int.Parse(local.AsSpan(colon + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture), isUdp, long.Parse(inode, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Words of 32 bits, each as the machine holds it.</summary>
    private static IPAddress Address(ReadOnlySpan<char> hex)
    {
        Span<byte> bytes = stackalloc byte[hex.Length / 2];
        for (var i = 0; i < bytes.Length; i += 4)
            BitConverter.TryWriteBytes(bytes[i..], uint.Parse(hex.Slice(2 * i, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        return new IPAddress(bytes);
    }
}
