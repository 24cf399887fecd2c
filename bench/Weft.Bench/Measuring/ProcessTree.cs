using System.Globalization;

namespace Weft.Bench.Measuring;

/// <summary>A process and its descendants (nginx works in a child), as the kernel accounts for them.</summary>
public sealed class ProcessTree(int root)
{
    /// <summary>
    /// Time on a processor so far, in nanoseconds, of all threads alive: the first field of each /proc/PID/task/TID/schedstat. The times in
    /// /proc/PID/stat count ticks of 10 ms, which hides the cost of a quiet proxy.
    /// </summary>
    public long CpuNanos => Processes().Sum(pid => Read(() => Directory.GetDirectories($"/proc/{pid}/task"), [])
        .Sum(task => Read(() => long.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture), 0)));

    /// <summary>Resident memory in kilobytes.</summary>
    public long ResidentKilobytes => Status("VmRSS:");

    /// <summary>The most that was ever resident, in kilobytes.</summary>
    public long PeakKilobytes => Status("VmHWM:");

    private long Status(string field) => Processes().Sum(pid =>
        Read(() => File.ReadLines($"/proc/{pid}/status").Where(line => line.StartsWith(field, StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)).FirstOrDefault(), 0));

    private List<int> Processes()
    {
        var parents = new Dictionary<int, int>();
        foreach (var folder in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid)) continue;
            // "pid (name) state ppid": the name may hold spaces and parentheses.
            var stat = Read(() => File.ReadAllText(Path.Combine(folder, "stat")), "");
            if (stat.Length > 0) parents[pid] = int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        var tree = new List<int> { root };
        for (var i = 0; i < tree.Count; i++) tree.AddRange(parents.Where(p => p.Value == tree[i]).Select(p => p.Key));
        return tree;
    }

    /// <summary>A process or thread that ends while it is read counts with nothing.</summary>
    private static T Read<T>(Func<T> read, T gone)
    {
        try
        {
            return read();
        }
        catch (IOException)
        {
            return gone;
        }
    }
}
