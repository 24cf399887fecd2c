using System.Globalization;
using Weft.Bench.Measuring;

namespace Weft.Bench.Results;

/// <summary>What the figures were measured on and with.</summary>
public sealed record Machine(string Processor, int Cores, string Kernel, long MemoryMegabytes, IReadOnlyList<string> Versions)
{
    public static Machine Describe()
    {
        var cpu = File.ReadAllLines("/proc/cpuinfo");
        return new Machine(
            cpu.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown",
            cpu.Count(line => line.StartsWith("processor", StringComparison.Ordinal)),
            Tools.Say("uname", "-r"),
            long.Parse(File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024,
            [.. new[] { Version("nginx", "-v"), Version("haproxy", "-v"), Version("caddy", "version", "caddy "), Version("wrk", "-v"), Version("h2load", "--version"), Version("nghttpd", "--version"),
                Version("openssl", "version"), $".NET {Environment.Version}" }.Where(v => v.Length > 0)]);
    }

    public static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    public static string Commit() =>
        Tools.Say("git", "rev-parse", "--short=12", "HEAD") + (Tools.Say("git", "status", "--porcelain", "--untracked-files=no").Length > 0 ? " with uncommitted changes" : "");

    private static string Version(string program, string argument, string before = "") =>
        Repository.Find(program) is { } path ? before + Tools.Say(path, argument).Split('\n')[0].Replace("nginx version: ", "").Split(" - https")[0].Split(" Copyright")[0] : "";
}
