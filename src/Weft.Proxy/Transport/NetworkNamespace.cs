using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Weft.Proxy.Transport;

/// <summary>
/// A network namespace other than the process's own, in which sockets are made (network_namespaces(7)). A socket belongs for good to the namespace that its thread is in when it is made:
/// binding, connecting and everything later may be done from outside. So a thread is inside for one system call.
/// </summary>
/// <remarks>The file (<c>/run/netns/…</c>, <c>/proc/PID/ns/net</c>) is opened whenever listening sockets are made, because another namespace may have taken the path since, and kept for connections: the
/// descriptor keeps the namespace alive. Needs CAP_SYS_ADMIN.</remarks>
internal sealed unsafe class NetworkNamespace
{
    private static readonly ConcurrentDictionary<string, NetworkNamespace> Opened = new(StringComparer.Ordinal);
    private static readonly Lazy<int> Own = new(() => OpenFile("/proc/thread-self/ns/net"));

    private readonly string _path;
    private readonly SafeFileHandle _file; // closed by its finalizer: another thread may be about to enter

    private NetworkNamespace(string path) => (_path, _file) = (path, new SafeFileHandle(OpenFile(path), ownsHandle: true));

    /// <summary>As it was found when it was opened last.</summary>
    /// <exception cref="SocketException">There is no such file, or it may not be opened.</exception>
    public static NetworkNamespace Open(string path) => Opened.TryGetValue(path, out var known) ? known : OpenAnew(path);

    /// <summary>As it is now, for this and whatever follows.</summary>
    /// <exception cref="SocketException">There is no such file, or it may not be opened.</exception>
    public static NetworkNamespace OpenAnew(string path) => Opened[path] = new NetworkNamespace(path);

    /// <summary>A non-blocking stream socket of the address's family inside of the namespace, or one for datagrams.</summary>
    /// <exception cref="SocketException">The namespace cannot be entered, or has no room for a socket.</exception>
    public int Create(IPEndPoint endPoint, bool datagrams = false)
    {
        var own = Own.Value;
        var entered = Libc.SetNamespace((int)_file.DangerousGetHandle(), Libc.CloneNewNet) == 0;
        GC.KeepAlive(_file);
        if (!entered) throw Failure(Errno.Last);
        var socket = datagrams ? Datagrams.TryCreate(endPoint) : Socket.TryCreate(endPoint);
        var error = Errno.Last;
        // Whatever this thread opened from now on would be in the wrong network, and nobody could tell from outside.
        if (Libc.SetNamespace(own, Libc.CloneNewNet) != 0) Environment.FailFast($"cannot come back from the network namespace '{_path}': {Errno.Text(Errno.Last)}");
        return socket >= 0 ? socket : throw new SocketException($"socket in the network namespace '{_path}': {Errno.Text(error)}", error);
    }

    private SocketException Failure(int errno) => new(
        $"entering the network namespace '{_path}': {Errno.Text(errno)}{(errno == Errno.NotPermitted ? " (it needs CAP_SYS_ADMIN)" : "")}", errno);

    private static int OpenFile(string path)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(path.Length) + 1]; // zeroed: the name ends with one
        Encoding.UTF8.GetBytes(path, bytes);
        fixed (byte* p = bytes)
        {
            var fd = Libc.Open(p, Libc.OpenReadOnly | Libc.OpenCloseOnExec);
            return fd >= 0 ? fd : throw Errno.Exception($"opening the network namespace '{path}'");
        }
    }
}
