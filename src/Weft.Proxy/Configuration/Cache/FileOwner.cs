using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>Whose a file is, which the class library does not tell.</summary>
internal static partial class FileOwner
{
    // struct statx (linux/stat.h) is the same on every architecture, which struct stat is not: 256 bytes, stx_uid at 20.
    private const int StatxBytes = 256;
    private const int UidOffset = 20;
    private const int AtEmptyPath = 0x1000;
    private const uint MaskUid = 0x8;

    /// <summary>The effective user of this process.</summary>
    public static uint Me => GetEffectiveUser();

    /// <exception cref="IOException">The system does not say.</exception>
    public static uint Of(SafeFileHandle file)
    {
        Span<byte> status = stackalloc byte[StatxBytes];
        if (Statx(file, "", AtEmptyPath, MaskUid, status) != 0) throw new IOException($"statx: {Marshal.GetLastPInvokeErrorMessage()}");
        return BitConverter.ToUInt32(status[UidOffset..]);
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle directory, string path, int flags, uint mask, Span<byte> status);
}
