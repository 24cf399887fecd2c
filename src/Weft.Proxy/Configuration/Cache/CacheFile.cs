using System.Diagnostics.CodeAnalysis;
using Weft.Identity;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>
/// The file that holds the last good configuration, <c>config.cache</c> in a directory of the proxy's own (0700; the file 0600). Whoever can write it decides where requests
/// go, so a file that anybody else could have written, or read, is refused by name and left alone.
/// </summary>
/// <remarks>A replacement is written beside the file, flushed to disk and renamed over it: a kill or a power cut at any moment leaves the old file or the new one.
/// What a kill leaves beside it is overwritten by the next replacement.</remarks>
internal sealed class CacheFile(string directory)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>A configuration larger than this is neither written nor read: 256 MiB.</summary>
    private const long MaxBytes = 256L * 1024 * 1024;

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), "config.cache");

    private string Unfinished => Path + ".new";

    /// <summary>Reads what was saved for <paramref name="node"/>.</summary>
    /// <param name="refusal">Why there is nothing to use, naming the file; empty when there is no file at all.</param>
    public bool TryRead(Google.Protobuf.ByteString node, [NotNullWhen(true)] out SavedConfiguration? saved, out string refusal)
    {
        saved = null;
        refusal = "";
        try
        {
            if (!File.Exists(Path)) return false;
            if (TryRead(out saved, out var reason) && saved.Node.Equals(node)) return true;
            refusal = $"{Path} {(saved is null ? reason : "was saved for another node")}: ignored";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            refusal = $"{Path} cannot be read: {e.Message}: ignored";
        }
        saved = null;
        return false;
    }

    /// <summary>Replaces the file; returns when the change is on disk.</summary>
    /// <exception cref="IOException">The disk is full, or the directory is not this user's alone. The old file stays as it is.</exception>
    public void Write(SavedConfiguration saved)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!, OwnerOnly | UnixFileMode.UserExecute);
        var others = File.GetUnixFileMode(System.IO.Path.GetDirectoryName(Path)!) & Others;
        if (others != UnixFileMode.None) throw new IOException($"{System.IO.Path.GetDirectoryName(Path)} is open to other users ({others}): run chmod 700 on it");
        try
        {
            File.Delete(Unfinished); // not overwritten: it could be a link, or have another mode
            using (var file = new FileStream(Unfinished, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0 }))
            {
                SavedConfigurationWriter.Write(file, saved);
                if (file.Length > MaxBytes) throw new IOException($"the configuration takes {file.Length} bytes, more than {MaxBytes}");
                file.Flush(flushToDisk: true);
            }
            File.Move(Unfinished, Path, overwrite: true);
            DurableDirectory.Flush(System.IO.Path.GetDirectoryName(Path)!);
        }
        catch
        {
            Discard();
            throw;
        }
    }

    private bool TryRead([NotNullWhen(true)] out SavedConfiguration? saved, out string reason)
    {
        saved = null;
        // Judged and read through one handle: a file that is exchanged in between is not read under the other's good name.
        using var file = File.OpenHandle(Path);
        if (FileOwner.Of(file) is var owner && owner != FileOwner.Me)
        {
            reason = $"belongs to user {owner}, and this process is user {FileOwner.Me}";
            return false;
        }
        if ((File.GetUnixFileMode(file) & Others) is var others && others != UnixFileMode.None)
        {
            reason = $"is open to other users ({others}) and may have been changed by them";
            return false;
        }
        var length = RandomAccess.GetLength(file);
        if (length > MaxBytes)
        {
            reason = $"has {length} bytes, more than {MaxBytes}";
            return false;
        }
        var bytes = new byte[length];
        var read = 0;
        while (read < bytes.Length && RandomAccess.Read(file, bytes.AsSpan(read), read) is > 0 and var part) read += part;
        return SavedConfigurationReader.TryRead(bytes.AsSpan(0, read), out saved, out reason);
    }

    private void Discard()
    {
        try
        {
            File.Delete(Unfinished);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that led here says more.
        }
    }
}
