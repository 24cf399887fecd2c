using System.Globalization;
using Weft.Bench.Measuring;

namespace Weft.Bench.Results;

/// <summary>What the figures were measured on and with.</summary>
public sealed record Machine(
    string Date, string Commit, string Processor, int Cores, string Kernel, long MemoryMegabytes, double LoadAverageBefore,
    string Nginx, string Haproxy, string Wrk, string Dotnet)
{
    public static Machine Describe()
    {
        var cpu = File.ReadAllLines("/proc/cpuinfo");
        var dirty = Tools.Say("git", "status", "--porcelain", "--untracked-files=no").Length > 0 ? " with uncommitted changes" : "";
        return new Machine(
            DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
            Tools.Say("git", "rev-parse", "--short=12", "HEAD") + dirty,
            cpu.FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown",
            cpu.Count(line => line.StartsWith("processor", StringComparison.Ordinal)),
            Tools.Say("uname", "-r"),
            long.Parse(File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024,
            double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture),
            Tools.Say(Repository.Find("nginx"), "-v").Replace("nginx version: ", ""),
            FirstLine(Tools.Say(Repository.Find("haproxy"), "-v")),
            FirstLine(Tools.Say(Repository.Find("wrk"), "-v")),
            Environment.Version.ToString());
    }

    private static string FirstLine(string text) => text.Split('\n')[0];
}
