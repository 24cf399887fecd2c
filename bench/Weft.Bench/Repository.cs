namespace Weft.Bench;

/// <summary>Where things are.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>What the benchmark makes for itself (certificates, files to serve). The peers run in this folder, so their configurations name those files relative to it.</summary>
    public static string Made { get; } = Directory.CreateDirectory(Path.Combine(Root, "artifacts/bench")).FullName;

    /// <summary>What the processes of this run say; emptied by nobody, so that a log survives a failed run.</summary>
    public static string Logs { get; } = Directory.CreateTempSubdirectory("weft-bench-").FullName;

    /// <summary>Full path of a file or folder under bench/peers.</summary>
    public static string Peer(string path) => Path.Combine(Root, "bench/peers", path);

    /// <summary>Full path of a program of ours.</summary>
    public static string Built(string project, string program) => Path.Combine(Root, "artifacts/bin", project, "release", program);

    /// <summary>Full path of a program, or null when it is not installed.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(dir => Path.Combine(dir, program)).FirstOrDefault(File.Exists);

    private static string FindRoot()
    {
        var dir = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(dir, "Weft.slnx")))
            dir = Path.GetDirectoryName(dir) ?? throw new InvalidOperationException("run weft-bench from inside the repository");
        return dir;
    }
}
