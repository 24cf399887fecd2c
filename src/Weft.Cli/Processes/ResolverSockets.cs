namespace Weft.Cli.Processes;

/// <summary>
/// Resolvers that the C library asks over a Unix socket: systemd-resolved by nss-resolve (the first choice on Fedora and Arch), and nscd. A Unix socket knows no network namespace, so that a program in one of its own
/// would get the machine's answers past every rule.
/// </summary>
internal static class ResolverSockets
{
    private const ulong MS_BIND = 0x1000, MS_REC = 0x4000, MS_SLAVE = 0x80000;

    private static readonly string[] s_all = ["/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket", "/var/run/nscd/socket"];

    /// <summary>Puts /dev/null over them for the calling process and its children: a connection is refused, and the C library goes on to the name servers of resolv.conf.
    /// The folder around the first stays, because resolv.conf may be in it. Without any of them nothing is done.</summary>
    /// <returns>False when the kernel refuses; the error number says why.</returns>
    public static bool Hide()
    {
        var present = Array.FindAll(s_all, File.Exists);
        if (present.Length == 0) return true;
        // Slave, not private: what the machine mounts later is still seen, what is mounted here is not seen there.
        return Libc.Unshare(Libc.CLONE_NEWNS) == 0 && Libc.Mount(null, "/", null, MS_REC | MS_SLAVE, 0) == 0
            && Array.TrueForAll(present, socket => Libc.Mount("/dev/null", socket, null, MS_BIND, 0) == 0);
    }
}
