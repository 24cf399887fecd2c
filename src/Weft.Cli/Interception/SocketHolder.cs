using System.Globalization;

namespace Weft.Cli.Interception;

/// <summary>The process behind a socket, by its open descriptors (proc(5)).</summary>
public static class SocketHolder
{
    /// <summary>The user that the holder of a socket runs as now. Not the user in <c>/proc/net/tcp</c>, which made the socket: a proxy that opened its ports as root and then gave that up connects as
    /// somebody else, and a rule for root would lead it to itself.</summary>
    /// <param name="inode">Of the socket.</param>
    /// <returns>Null when no process that can be seen holds it.</returns>
    public static uint? User(long inode)
    {
        var link = string.Create(CultureInfo.InvariantCulture, $"socket:[{inode}]");
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                if (Directory.EnumerateFileSystemEntries(Path.Combine(process, "fd")).Any(d => File.ResolveLinkTarget(d, returnFinalTarget: false)?.Name == link)) return EffectiveUser(process);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // it has just ended
            }
        }
        return null;
    }

    /// <summary><c>Uid: real effective saved file-system</c>.</summary>
    private static uint EffectiveUser(string process) =>
        uint.Parse(File.ReadLines(Path.Combine(process, "status")).First(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2], CultureInfo.InvariantCulture);
}
