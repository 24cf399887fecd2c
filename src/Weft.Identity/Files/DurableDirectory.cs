using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Weft.Identity;

/// <summary>Makes renames inside a directory survive a power cut. The class library can flush a file, but not a directory.</summary>
public static partial class DurableDirectory
{
    /// <summary>fsync(2) of a directory.</summary>
    /// <exception cref="IOException">The directory cannot be opened or flushed.</exception>
    public static void Flush(string path)
    {
        var descriptor = Open(path, flags: 0);
        if (descriptor < 0) throw Failure(path);
        try
        {
            if (Fsync(descriptor) < 0) throw Failure(path);
        }
        finally { _ = Close(descriptor); }
    }

    private static IOException Failure(string path) => new($"cannot flush the directory {path}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
