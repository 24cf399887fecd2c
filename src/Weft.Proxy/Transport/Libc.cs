using System.Runtime.InteropServices;

namespace Weft.Proxy.Transport;

/// <summary>The system calls of the engine, as Linux has them on x86-64 and arm64. Everything is blittable: no marshalling code runs.</summary>
/// <remarks>
/// <see cref="SuppressGCTransitionAttribute"/> stands only on calls that cannot block, because sockets here are non-blocking: a collection waits
/// until they return. Never put it on epoll_wait, connect or close.
/// They also leave errno where it is, read only after a failure (<see cref="Errno.LastOfHotCall"/>).
/// Every pointer passed is to the caller's stack or to memory pinned for the length of the call.
/// </remarks>
internal static unsafe partial class Libc
{
    public const int AfInet = 2, AfInet6 = 10;
    public const int SockStream = 1, SockDatagram = 2, SockNonBlock = 0x800, SockCloseOnExec = 0x80000;
    public const int SolSocket = 1, SoReuseAddr = 2, SoError = 4, SoSendBuffer = 7, SoReceiveBuffer = 8, SoKeepAlive = 9, SoLinger = 13,
        SoReusePort = 15, SoReceiveLowWater = 18;
    public const int IpProtoTcp = 6, TcpNoDelay = 1, TcpKeepIdle = 4, TcpKeepInterval = 5, TcpKeepCount = 6, TcpInfo = 11, IpProtoIpv6 = 41, Ipv6Only = 26;
    public const int MsgPeek = 2, MsgTruncate = 0x20, MsgNoSignal = 0x4000;
    public const int ShutdownWrite = 1;
    public const int SolIp = 0, SolIpv6 = 41, OriginalDestination = 80; // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST have the same number
    public const int OpenReadOnly = 0, OpenCloseOnExec = 0x80000, CloneNewNet = 0x40000000;
    public const int EpollCloseOnExec = 0x80000, EpollAdd = 1, EpollDelete = 2, EpollModify = 3;
    public const int EventFdNonBlock = 0x800, EventFdCloseOnExec = 0x80000;
    public const int SigPipe = 13;
    public const int ResourceNoFile = 7;
    public const int SetPipeSize = 1031; // F_SETPIPE_SZ
    private const uint SpliceNonBlock = 2;

    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport(Library, EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int fd, byte* address, uint length);

    [LibraryImport(Library, EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int fd, int backlog);

    [LibraryImport(Library, EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept4(int fd, byte* address, uint* length, int flags);

    [LibraryImport(Library, EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int fd, byte* address, uint length);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "recv")]
    public static partial nint Receive(int fd, byte* into, nuint length, int flags);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "send")]
    public static partial nint Send(int fd, byte* from, nuint length, int flags);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "sendmsg")]
    public static partial nint SendMessage(int fd, MessageHeader* message, int flags);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "recvfrom")]
    public static partial nint ReceiveFrom(int fd, byte* into, nuint length, int flags, byte* address, uint* addressLength);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "sendto")]
    public static partial nint SendTo(int fd, byte* from, nuint length, int flags, byte* address, uint addressLength);

    /// <summary>Between a non-blocking socket and a pipe, in whichever direction: bytes moved, 0 at the end of the stream, -1 on failure (then <see cref="Errno.LastOfHotCall"/>).</summary>
    public static nint Splice(int from, int to, int length) => Splice(from, null, to, null, (nuint)length, SpliceNonBlock);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "splice")]
    private static partial nint Splice(int from, long* fromOffset, int to, long* toOffset, nuint length, uint flags);

    /// <summary>A pipe's end to read and its end to write. False: <see cref="Errno.Last"/>.</summary>
    public static bool TryPipe(out int read, out int write)
    {
        var ends = stackalloc int[2];
        var made = Pipe(ends, OpenCloseOnExec) == 0;
        (read, write) = (ends[0], ends[1]);
        return made;
    }

    [LibraryImport(Library, EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe(int* ends, int flags);

    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    public static partial int FileControl(int fd, int command, nint argument);

    [LibraryImport(Library, EntryPoint = "getrandom", SetLastError = true)]
    public static partial nint GetRandom(byte* into, nuint length, uint flags);

    [LibraryImport(Library, EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(int fd, int how);

    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    [LibraryImport(Library, EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetSocketName(int fd, byte* address, uint* length);

    [LibraryImport(Library, EntryPoint = "getpeername", SetLastError = true)]
    public static partial int GetPeerName(int fd, byte* address, uint* length);

    [LibraryImport(Library, EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(int fd, int level, int name, void* value, uint length);

    [LibraryImport(Library, EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetSocketOption(int fd, int level, int name, void* value, uint* length);

    [LibraryImport(Library, EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int fd, byte* interest);

    [LibraryImport(Library, EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, byte* events, int capacity, int timeoutMs);

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true)]
    public static partial int Open(byte* path, int flags);

    [LibraryImport(Library, EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNamespace(int fd, int type);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int fd, byte* from, nuint length);

    [LibraryImport(Library, EntryPoint = "signal")]
    public static partial nint Signal(int signal, nint action);

    [LibraryImport(Library, EntryPoint = "getrlimit")]
    public static partial int GetResourceLimit(int resource, out ResourceLimit limit);

    /// <summary>struct rlimit.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public byte* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct linger.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Linger
    {
        public int OnOff;
        public int Seconds;
    }
}
