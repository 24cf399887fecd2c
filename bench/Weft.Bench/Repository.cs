namespace Weft.Bench;

/// <summary>Where things are.</summary>
public static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>For the processes' own files; emptied by nobody, so that a log survives a failed run.</summary>
    public static string Scratch { get; } = Directory.CreateTempSubdirectory("weft-bench-").FullName;

    public static string Peer(string file) => Path.Combine(Root, "bench/peers", file);

    /// <summary>Full path of a program.</summary>
    /// <exception cref="FileNotFoundException">It is not installed.</exception>
    public static string Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(dir => Path.Combine(dir, program)).FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException($"{program} is not installed");

    private static string FindRoot()
    {
        var dir = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(dir, "Weft.slnx")))
            dir = Path.GetDirectoryName(dir) ?? throw new InvalidOperationException("run weft-bench from inside the repository");
        return dir;
    }
}
