using System.Net;
using System.Runtime.InteropServices;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Transport;

/// <summary>Safe faces of the socket calls: spans in, status out. A socket is its descriptor; who creates one closes it.</summary>
internal static unsafe class Socket
{
    /// <summary>A non-blocking stream socket of the address's family, or -1 (then <see cref="Errno.Last"/>).</summary>
    public static int TryCreate(IPEndPoint endPoint)
    {
        var fd = Libc.Socket(SocketAddress.FamilyOf(endPoint), Libc.SockStream | Libc.SockNonBlock | Libc.SockCloseOnExec, 0);
        if (fd < Descriptors.Ceiling) return fd;
        Close(fd);
        Marshal.SetLastPInvokeError(Errno.TooManyFiles);
        return -1;
    }

    public static int Create(IPEndPoint endPoint)
    {
        var fd = TryCreate(endPoint);
        return fd >= 0 ? fd : throw Errno.Exception("socket");
    }

    public static void Bind(int fd, IPEndPoint endPoint)
    {
        var address = stackalloc byte[SocketAddress.Capacity];
        var length = SocketAddress.Write(endPoint, new Span<byte>(address, SocketAddress.Capacity));
        if (Libc.Bind(fd, address, length) != 0) throw Errno.Exception($"bind to {endPoint}");
    }

    public static void Listen(int fd, int backlog)
    {
        if (Libc.Listen(fd, backlog) != 0) throw Errno.Exception("listen");
    }

    /// <summary>A non-blocking descriptor, or -1 (then <see cref="Errno.Last"/>).</summary>
    public static int Accept(int fd, out IPEndPoint? remote)
    {
        var address = stackalloc byte[SocketAddress.Capacity];
        var length = (uint)SocketAddress.Capacity;
        var accepted = Libc.Accept4(fd, address, &length, Libc.SockNonBlock | Libc.SockCloseOnExec);
        remote = accepted < 0 ? null : SocketAddress.Read(new ReadOnlySpan<byte>(address, SocketAddress.Capacity));
        return accepted;
    }

    /// <summary>Starts connecting: 0 when connected already, <see cref="Errno.InProgress"/> when it goes on, else why it cannot.</summary>
    public static int Connect(int fd, IPEndPoint endPoint)
    {
        var address = stackalloc byte[SocketAddress.Capacity];
        var length = SocketAddress.Write(endPoint, new Span<byte>(address, SocketAddress.Capacity));
        return Libc.Connect(fd, address, length) == 0 ? 0 : Errno.Last;
    }

    public static IPEndPoint LocalOf(int fd)
    {
        var address = stackalloc byte[SocketAddress.Capacity];
        var length = (uint)SocketAddress.Capacity;
        return Libc.GetSocketName(fd, address, &length) == 0
            ? SocketAddress.Read(new ReadOnlySpan<byte>(address, SocketAddress.Capacity))
            : throw Errno.Exception("getsockname");
    }

    /// <summary>
    /// Where an accepted connection was meant to go before a netfilter rule (REDIRECT, DNAT) of the socket's own network namespace sent it here; null where the kernel's connection
    /// tracking knows nothing of it. Without a redirect it is the socket's own address.
    /// </summary>
    public static IPEndPoint? OriginalDestination(int fd, bool ipv6)
    {
        var address = stackalloc byte[SocketAddress.Capacity];
        var length = (uint)SocketAddress.Capacity;
        return Libc.GetSocketOption(fd, ipv6 ? Libc.SolIpv6 : Libc.SolIp, Libc.OriginalDestination, address, &length) == 0
            ? SocketAddress.Read(new ReadOnlySpan<byte>(address, SocketAddress.Capacity))
            : null;
    }

    /// <summary>Bytes received, 0 at the end of the stream, -1 on failure (then <see cref="Errno.LastOfHotCall"/>).</summary>
    public static nint Receive(int fd, Span<byte> into)
    {
        fixed (byte* p = into) return Libc.Receive(fd, p, (nuint)into.Length, 0);
    }

    /// <summary>As <see cref="Receive"/>, and the bytes stay in the socket.</summary>
    public static nint Peek(int fd, Span<byte> into)
    {
        fixed (byte* p = into) return Libc.Receive(fd, p, (nuint)into.Length, Libc.MsgPeek);
    }

    public static nint Send(int fd, ReadOnlySpan<byte> from)
    {
        fixed (byte* p = from) return Libc.Send(fd, p, (nuint)from.Length, Libc.MsgNoSignal);
    }

    public static nint Send(int fd, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        fixed (byte* p = first, q = second)
        {
            var vectors = stackalloc Libc.IoVector[2];
            vectors[0] = new Libc.IoVector { Base = p, Length = (nuint)first.Length };
            vectors[1] = new Libc.IoVector { Base = q, Length = (nuint)second.Length };
            var message = new Libc.MessageHeader { Vectors = vectors, VectorCount = 2 };
            return Libc.SendMessage(fd, &message, Libc.MsgNoSignal);
        }
    }

    public static bool SetOption(int fd, int level, int name, int value) =>
        Libc.SetSocketOption(fd, level, name, &value, sizeof(int)) == 0;

    /// <summary>Has TCP probe a connection that has nothing to send and hears nothing; null switches that off. What has something to send is <see cref="PeerSilence"/>'s.</summary>
    public static void KeepAlive(int fd, TcpKeepalive? keepalive)
    {
        SetOption(fd, Libc.SolSocket, Libc.SoKeepAlive, keepalive is null ? 0 : 1);
        if (keepalive is null) return;
        SetOption(fd, Libc.IpProtoTcp, Libc.TcpKeepIdle, keepalive.TimeSeconds);
        SetOption(fd, Libc.IpProtoTcp, Libc.TcpKeepInterval, keepalive.IntervalSeconds);
        SetOption(fd, Libc.IpProtoTcp, Libc.TcpKeepCount, keepalive.Probes);
    }

    /// <summary>Takes the socket's pending error: 0 for none.</summary>
    public static int TakeError(int fd)
    {
        int error;
        uint length = sizeof(int);
        return Libc.GetSocketOption(fd, Libc.SolSocket, Libc.SoError, &error, &length) == 0 ? error : Errno.Last;
    }

    public static void ShutdownWrite(int fd) => _ = Libc.Shutdown(fd, Libc.ShutdownWrite); // fails when the peer reset: nothing to do then

    public static void Close(int fd) => _ = Libc.Close(fd); // Linux frees the descriptor whatever close answers; retrying would close another's

    /// <summary>Closes with RST.</summary>
    public static void Reset(int fd)
    {
        ResetsOnClose(fd, true);
        Close(fd);
    }

    /// <summary>SO_LINGER of 0 s: whoever closes the socket, the kernel after the process's death too, sends RST.</summary>
    public static void ResetsOnClose(int fd, bool resets)
    {
        var linger = new Libc.Linger { OnOff = resets ? 1 : 0, Seconds = 0 };
        _ = Libc.SetSocketOption(fd, Libc.SolSocket, Libc.SoLinger, &linger, (uint)sizeof(Libc.Linger));
    }

    /// <summary>Adds one to an eventfd, which wakes who polls it. Cannot fail: the counter has room for 2^64 wake-ups.</summary>
    public static void Signal(int eventFd)
    {
        var one = 1UL;
        _ = Libc.Write(eventFd, (byte*)&one, sizeof(ulong)); // the kernel copies 8 bytes of this frame before it returns
    }
}
