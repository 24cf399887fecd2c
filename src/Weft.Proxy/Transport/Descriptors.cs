namespace Weft.Proxy.Transport;

/// <summary>
/// The process's descriptors, of which sockets leave the last ones alone. The runtime needs some at moments of its own choosing (an assembly, a library, the console), and where it finds none
/// it ends the process, with "Out of memory." or an exception in whatever thread that was.
/// </summary>
/// <remarks>The kernel gives out the lowest free number, so a number from <see cref="Ceiling"/> on tells that the reserve has been reached, without counting.</remarks>
internal static class Descriptors
{
    /// <summary>Descriptors that no socket may take.</summary>
    private const int Reserve = 64;

    /// <summary>Open files that the process may have (RLIMIT_NOFILE, soft, at the start; the runtime has raised it to the hard limit by then).</summary>
    public static int Limit { get; } = Libc.GetResourceLimit(Libc.ResourceNoFile, out var limit) == 0 ? (int)Math.Min(limit.Soft, int.MaxValue) : 1024;

    /// <summary>The first number that is not for sockets.</summary>
    public static int Ceiling { get; } = Math.Max(Limit - Reserve, Limit / 2);

    /// <summary>True when the next socket would reach into the reserve. Two system calls: to be asked only when a socket came close.</summary>
    public static bool AreExhausted()
    {
        var lowest = Libc.EventFd(0, Libc.EventFdCloseOnExec);
        if (lowest < 0) return true;
        Socket.Close(lowest);
        return lowest >= Ceiling;
    }
}
