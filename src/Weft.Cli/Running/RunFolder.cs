using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>The files of one run: bootstrap, join token, keys, the last good configuration and the sidecar's log. Removed when the run ends. What a run leaves that was
/// killed, or that ended while the control plane was away, is found by the next one.</summary>
public sealed class RunFolder
{
    private const string OwnerFile = "owner";

    private RunFolder(string path) => Path = path;

    public string Path { get; }

    public string Bootstrap => System.IO.Path.Combine(Path, "bootstrap.json");

    public string JoinToken => System.IO.Path.Combine(Path, "join-token");

    public string Keys => System.IO.Path.Combine(Path, "keys");

    public string Cache => System.IO.Path.Combine(Path, "cache");

    public string ProxyLog => System.IO.Path.Combine(Path, "proxy.log");

    public static RunFolder Create(DataFolder data, string workload, string ns)
    {
        DataFolder.CreatePrivate(data.RunFolder);
        var folder = new RunFolder(System.IO.Path.Combine(data.RunFolder, $"{workload}.{ns}"));
        DataFolder.CreatePrivate(folder.Path);
        var owner = ProcessIdentity.Current;
        File.WriteAllText(System.IO.Path.Combine(folder.Path, OwnerFile), string.Create(CultureInfo.InvariantCulture, $"{owner.Id} {owner.Started}"));
        return folder;
    }

    public void WriteBootstrap(JsonObject bootstrap) => WritePrivate(Bootstrap, bootstrap.ToJsonString());

    public void WriteJoinToken(string token) => WritePrivate(JoinToken, token);

    /// <summary>The end of the sidecar's log, for a person who wonders why it does not start.</summary>
    public string LogTail(int lines)
    {
        try
        {
            return string.Join('\n', File.ReadLines(ProxyLog).TakeLast(lines).Select(l => "  " + l));
        }
        catch (IOException)
        {
            return "  (it has written nothing)";
        }
    }

    /// <summary>True while the control plane knows of this run: should it end like that, the next one finds its name and cleans up there.</summary>
    public bool KeepName { get; set; }

    /// <summary>Removes the files, and the folder unless its name must be kept.</summary>
    public void Clear()
    {
        if (!KeepName)
        {
            Remove(Path);
            return;
        }
        foreach (var file in Directory.GetFiles(Path).Where(f => System.IO.Path.GetFileName(f) != OwnerFile)) File.Delete(file);
        Remove(Keys);
        Remove(Cache);
    }

    /// <summary>Removes the folders of runs that have ended without doing so, and names their workloads.</summary>
    public static IReadOnlyList<(string Workload, string Namespace)> TakeAbandoned(DataFolder data)
    {
        var abandoned = new List<(string, string)>();
        if (!Directory.Exists(data.RunFolder)) return abandoned;
        foreach (var folder in Directory.GetDirectories(data.RunFolder))
        {
            // A folder without its owner's file is one that is being made at this moment.
            if (Owner(folder) is not { IsAlive: false }) continue;
            Remove(folder);
            var name = System.IO.Path.GetFileName(folder);
            var dot = name.LastIndexOf('.'); // a namespace has no dot, a version in a name may
            if (dot > 0) abandoned.Add((name[..dot], name[(dot + 1)..]));
        }
        return abandoned;
    }

    /// <summary>For its owner's eyes alone. A file that is there is replaced, and not written into: it may be readable to others, or lead somewhere else.</summary>
    internal static void WritePrivate(string path, string text)
    {
        File.Delete(path);
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        file.Write(System.Text.Encoding.UTF8.GetBytes(text));
    }

    private static ProcessIdentity? Owner(string folder)
    {
        try
        {
            return File.ReadAllText(System.IO.Path.Combine(folder, OwnerFile)).Split(' ') is [var id, var started]
                ? new ProcessIdentity(int.Parse(id, CultureInfo.InvariantCulture), long.Parse(started, CultureInfo.InvariantCulture))
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // another run removed it
        }
    }
}
