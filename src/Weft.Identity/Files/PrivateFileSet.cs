using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Weft.Identity;

/// <summary>A few files of mode 0600 in one directory that change together: after a kill or a power cut at any moment a reader finds all of
/// one generation, never the key of one with the certificate of another. One process holds the directory at a time.</summary>
/// <remarks>
/// A replacement is a small journal:
/// <list type="number">
/// <item>the new files are written to <c>.staged.tmp/</c> and flushed;</item>
/// <item>the directory is renamed to <c>.staged/</c>: this one rename is the commit;</item>
/// <item>each file is renamed over its predecessor, and <c>.staged/</c> is removed.</item>
/// </list>
/// Opening drops a <c>.staged.tmp/</c> (it was never committed) and finishes a <c>.staged/</c>. Renaming each file from a temporary
/// one by one, without the journal, looks enough and is not: a kill between two renames leaves a key without its certificate.
/// </remarks>
internal sealed class PrivateFileSet : IDisposable
{
    private const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyDirectory = OwnerOnlyFile | UnixFileMode.UserExecute;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly string _directory;
    private readonly ImmutableArray<string> _names;
    private readonly Action<string> _step;
    private readonly FileStream _lock;

    /// <summary>Creates the directory (0700) when absent, locks it, and finishes a replacement that a kill interrupted.</summary>
    /// <param name="directory">Where the files are.</param>
    /// <param name="names">Every file of the set.</param>
    /// <param name="step">Told before each change on disk; a test throws from it to stop there, as a kill would.</param>
    /// <exception cref="IdentityException">Another process holds the directory.</exception>
    public PrivateFileSet(string directory, ImmutableArray<string> names, Action<string>? step = null)
    {
        _directory = Path.GetFullPath(directory);
        _names = names;
        _step = step ?? (static _ => { });
        Directory.CreateDirectory(_directory, OwnerOnlyDirectory);
        _lock = Lock(_directory);
        try
        {
            Recover();
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    private string Uncommitted => Path.Combine(_directory, ".staged.tmp");

    private string Committed => Path.Combine(_directory, ".staged");

    /// <summary>The full path of one file of the set.</summary>
    public string PathOf(string name) => Path.Combine(_directory, name);

    /// <summary>All files; null when there is none of them.</summary>
    /// <exception cref="IdentityException">Some are missing, or others than the owner may read a key.</exception>
    public Dictionary<string, byte[]>? Read()
    {
        var missing = _names.Where(name => !File.Exists(PathOf(name))).ToList();
        if (missing.Count == _names.Length) return null;
        if (missing.Count > 0)
            throw new IdentityException($"{PathOf(missing[0])} is missing although {PathOf(_names.Except(missing).First())} is there: restore it from a backup, or move the whole directory away to start anew");
        foreach (var name in _names.Where(IsKey))
        {
            var mode = File.GetUnixFileMode(PathOf(name));
            if ((mode & Others) != UnixFileMode.None)
                throw new IdentityException($"{PathOf(name)} holds a private key that others may read or write: run chmod 600 on it, and consider the key known");
        }
        return _names.ToDictionary(name => name, name => File.ReadAllBytes(PathOf(name)));
    }

    /// <summary>Replaces the given files as one. Returns when the change is on disk.</summary>
    public void Replace(IReadOnlyDictionary<string, byte[]> files)
    {
        if (files.Keys.Except(_names).Any()) throw new ArgumentException("a file outside the set", nameof(files));
        Recover(); // a replacement that failed half-way, on a full disk say, comes first
        Step("create staging");
        Directory.CreateDirectory(Uncommitted, OwnerOnlyDirectory);
        foreach (var (name, content) in files)
        {
            Step($"write {name}");
            Write(Path.Combine(Uncommitted, name), content);
        }
        DurableDirectory.Flush(Uncommitted);
        Step("commit");
        Directory.Move(Uncommitted, Committed);
        DurableDirectory.Flush(_directory);
        Finish();
    }

    private void Recover()
    {
        DropUncommitted();
        if (Directory.Exists(Committed)) Finish();
    }

    private void Finish()
    {
        foreach (var name in _names)
        {
            var staged = Path.Combine(Committed, name);
            if (!File.Exists(staged)) continue; // not part of this replacement, or moved before the kill
            Step($"publish {name}");
            File.Move(staged, PathOf(name), overwrite: true);
        }
        DurableDirectory.Flush(_directory);
        Step("remove staging");
        Directory.Delete(Committed, recursive: true);
        DurableDirectory.Flush(_directory);
    }

    private void DropUncommitted()
    {
        if (Directory.Exists(Uncommitted)) Directory.Delete(Uncommitted, recursive: true);
    }

    private static void Write(string path, byte[] content)
    {
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnlyFile,
            BufferSize = 0, // a buffer would keep one more copy of a key
        });
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    private static FileStream Lock(string directory)
    {
        var path = Path.Combine(directory, ".lock");
        try
        {
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = OwnerOnlyFile,
            });
        }
        catch (IOException error)
        {
            throw new IdentityException($"{directory} is in use by another process (its lock file is held): give each process a directory of its own", error);
        }
    }

    private static bool IsKey(string name) => name.EndsWith("key.pem", StringComparison.Ordinal);

    private void Step(string what) => _step(what);

    /// <summary>Overwrites the private keys among files that were read.</summary>
    public static void ClearKeys(IReadOnlyDictionary<string, byte[]> files)
    {
        foreach (var (name, content) in files)
            if (IsKey(name)) CryptographicOperations.ZeroMemory(content);
    }

    /// <summary>Releases the directory to other processes.</summary>
    public void Dispose() => _lock.Dispose();
}
