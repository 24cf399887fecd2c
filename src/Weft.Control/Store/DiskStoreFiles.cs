using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Weft.Control.Store;

/// <summary><see cref="IStoreFiles"/> on a real folder (mode 0700) with private files (mode 0600).</summary>
public sealed partial class DiskStoreFiles : IStoreFiles
{
    private const string LockName = "lock";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public DiskStoreFiles(string folder)
    {
        Folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(Folder, Private | UnixFileMode.UserExecute);
    }

    public string Folder { get; }

    public IDisposable Lock()
    {
        var path = Path.Combine(Folder, LockName);
        try
        {
            // FileShare.None is flock(LOCK_EX): the kernel drops it with the process, so a kill -9 leaves no stale lock.
            var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = Private,
            });
            file.SetLength(0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            file.Flush();
            return file;
        }
        catch (IOException e)
        {
            throw new StoreLockedException(Folder, Holder(path), e);
        }
    }

    public bool Exists(string name) => File.Exists(Path.Combine(Folder, name));

    public IStoreFile Open(string name)
    {
        var path = Path.Combine(Folder, name);
        // File.OpenHandle has no overload for the mode: create first, then open.
        if (!File.Exists(path))
            new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Private }).Dispose();
        return new DiskFile(File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read));
    }

    public void Rename(string from, string to) => File.Move(Path.Combine(Folder, from), Path.Combine(Folder, to), overwrite: true);

    public void Delete(string name) => File.Delete(Path.Combine(Folder, name));

    public void SyncFolder()
    {
        // .NET opens no directories, and a name is durable only when its directory was synced.
        var descriptor = Native.Open(Folder, Native.ReadOnlyCloseOnExec);
        if (descriptor < 0) throw NativeError("open");
        try
        {
            if (Native.Fsync(descriptor) != 0) throw NativeError("fsync");
        }
        finally
        {
            _ = Native.Close(descriptor);
        }
    }

    private IOException NativeError(string call) => new($"{call} {Folder}: {Marshal.GetLastPInvokeErrorMessage()}");

    /// <summary>The pid that the holder wrote: the lock is advisory and bars no reader that does not ask for it.</summary>
    private static string? Holder(string path)
    {
        var descriptor = Native.Open(path, Native.ReadOnlyCloseOnExec);
        if (descriptor < 0) return null;
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        Span<byte> text = stackalloc byte[16];
        var read = RandomAccess.Read(handle, text, 0);
        return int.TryParse(text[..read], NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid.ToString(CultureInfo.InvariantCulture) : null;
    }

    private sealed class DiskFile(SafeFileHandle handle) : IStoreFile
    {
        public long Length => RandomAccess.GetLength(handle);

        public int Read(long offset, Span<byte> buffer) => RandomAccess.Read(handle, buffer, offset);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => RandomAccess.Write(handle, bytes, offset);

        public void Sync() => RandomAccess.FlushToDisk(handle);

        public void Truncate(long length) => RandomAccess.SetLength(handle, length);

        public void Dispose() => handle.Dispose();
    }

    private static partial class Native
    {
        public const int ReadOnlyCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        public static partial int Open(string path, int flags);

        [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
        public static partial int Fsync(int descriptor);

        [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
        public static partial int Close(int descriptor);
    }
}
