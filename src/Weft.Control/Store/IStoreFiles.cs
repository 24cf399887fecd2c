namespace Weft.Control.Store;

/// <summary>The few file operations the store needs, so that tests can lose power between any two of them.
/// What survives a power cut: bytes that <see cref="IStoreFile.Sync"/> returned for, names that <see cref="SyncFolder"/> returned for.</summary>
public interface IStoreFiles
{
    /// <summary>The folder, for messages.</summary>
    string Folder { get; }

    /// <summary>Takes the folder for this process until the result is disposed.</summary>
    /// <exception cref="StoreLockedException">Another process has it.</exception>
    IDisposable Lock();

    bool Exists(string name);

    /// <summary>Opens for reading and writing, creating an empty file where there is none.</summary>
    IStoreFile Open(string name);

    /// <summary>Replaces <paramref name="to"/> in one step.</summary>
    void Rename(string from, string to);

    void Delete(string name);

    /// <summary>Makes creations, renames and deletions durable: fsync of the directory.</summary>
    void SyncFolder();
}

/// <summary>One open file. Offsets are explicit: there is no cursor to get wrong.</summary>
public interface IStoreFile : IDisposable
{
    long Length { get; }

    /// <summary>Reads up to the buffer's length; 0 at the end.</summary>
    int Read(long offset, Span<byte> buffer);

    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Returns when the content is on stable storage: fsync.</summary>
    void Sync();

    void Truncate(long length);
}
