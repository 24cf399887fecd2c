using System.Net;
using System.Runtime.InteropServices;

namespace Weft.Proxy.Transport;

/// <summary>Safe faces of the calls on sockets of datagrams. A socket is its descriptor; who creates one closes it.</summary>
internal static unsafe class Datagrams
{
    /// <summary>A non-blocking socket of the address's family, or -1 (then <see cref="Errno.Last"/>).</summary>
    public static int TryCreate(IPEndPoint endPoint)
    {
        var fd = Libc.Socket(SocketAddress.FamilyOf(endPoint), Libc.SockDatagram | Libc.SockNonBlock | Libc.SockCloseOnExec, 0);
        if (fd < Descriptors.Ceiling) return fd;
        Socket.Close(fd);
        Marshal.SetLastPInvokeError(Errno.TooManyFiles);
        return -1;
    }

    /// <summary>The length of one datagram, which may be more than <paramref name="into"/> took of it; -1 on failure (then <see cref="Errno.LastOfHotCall"/>).</summary>
    /// <param name="from">Whose it is, in the kernel's form: to be handed back to <see cref="SendTo"/>.</param>
    public static nint ReceiveFrom(int fd, Span<byte> into, ref SocketAddress from)
    {
        var length = (uint)SocketAddress.Capacity;
        // Both are the caller's, pinned for the length of the call; the kernel writes no more than it is told there is room for.
        fixed (byte* p = into)
        fixed (SocketAddress* address = &from) return Libc.ReceiveFrom(fd, p, (nuint)into.Length, Libc.MsgTruncate, (byte*)address, &length);
    }

    /// <summary>One datagram. -1 on failure; there is nobody to tell, and who waits for it asks again.</summary>
    public static nint SendTo(int fd, ReadOnlySpan<byte> datagram, in SocketAddress to)
    {
        fixed (byte* p = datagram)
        fixed (SocketAddress* address = &to) return Libc.SendTo(fd, p, (nuint)datagram.Length, Libc.MsgNoSignal, (byte*)address, LengthOf(to));
    }

    private static uint LengthOf(in SocketAddress address)
    {
        ReadOnlySpan<byte> bytes = address;
        return MemoryMarshal.Read<ushort>(bytes) == Libc.AfInet ? 16U : SocketAddress.Capacity;
    }
}
