using System.Globalization;
using System.Text;
using System.Text.Json;
using Weft.Bench.Peers;

namespace Weft.Bench.Results;

/// <summary>Keeps the rows of a day in one JSON file and one page made of it.</summary>
public static class ResultFiles
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, IgnoreReadOnlyProperties = true };

    /// <summary>Puts rows into the files of today, in the place of what they held of the same rows.</summary>
    /// <returns>The page's path.</returns>
    public static string Merge(string folder, Machine machine, IReadOnlyList<RowResult> measured, IReadOnlyList<string> order)
    {
        Directory.CreateDirectory(folder);
        var name = Path.Combine(folder, DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        var known = File.Exists(name + ".json") ? JsonSerializer.Deserialize<DayResult>(File.ReadAllText(name + ".json"), Json)!.Rows : [];
        var rows = known.Where(k => measured.All(m => m.Row != k.Row)).Concat(measured).OrderBy(r => order.ToList().IndexOf(r.Row)).ToList();
        File.WriteAllText(name + ".json", JsonSerializer.Serialize(new DayResult(machine, rows), Json) + "\n");
        File.WriteAllText(name + ".md", Page(machine, rows));
        return name + ".md";
    }

    /// <summary>What is required, beside what was measured.</summary>
    public static string Summary(IReadOnlyList<RowResult> rows)
    {
        var page = new StringBuilder();
        page.AppendLine("| row | figure | required | goal | measured | met |");
        page.AppendLine("|---|---|---|---|---|---|");
        foreach (var row in rows)
            foreach (var v in row.Verdicts) page.AppendLine($"| {row.Row} | {v.Figure} | {v.Required} | {v.Goal} | {v.Measured} | {v.Met} |");
        return page.ToString();
    }

    private static string Page(Machine m, IReadOnlyList<RowResult> rows)
    {
        var page = new StringBuilder();
        void Line(FormattableString line) => page.AppendLine(line.ToString(CultureInfo.InvariantCulture));

        Line($"# Weft beside its peers, {DateTime.UtcNow:yyyy-MM-dd}");
        Line($"");
        Line($"{m.Processor}, {m.Cores} cores, {m.MemoryMegabytes} MB, Linux {m.Kernel}. {string.Join("; ", m.Versions)}.");
        Line($"");
        Line($"How to read it. The proxy under test has core 1 to itself; the application, the load and the harness share core 0, so in some rows the load is the bottleneck and not the proxy:");
        Line($"cost per request counts, not throughput. Everything is loopback: no network card and none of its interrupts, so the kernel's share is smaller than on a network. All peers run one worker.");
        Line($"A figure is the median of the rounds, in which the peers took turns; CPU is what the kernel's scheduler accounts to the proxy's threads (schedstat), system calls included.");
        Line($"");
        page.Append(Summary(rows));
        foreach (var row in rows) Row(row, Line);
        return page.ToString();
    }

    private static void Row(RowResult row, Action<FormattableString> line)
    {
        line($"");
        line($"## {row.Row}: {row.Says}");
        line($"");
        line($"{row.At}, commit {row.Commit}; {row.Rounds} rounds of {row.RoundSeconds:0.#} s; load average before {row.LoadAverageBefore:0.00}. {string.Join(", ", row.Configurations.Select(c => $"`{c}`"))}");
        if (row.Rounds < RowResult.RoundsThatCount) line($"**Fewer than {RowResult.RoundsThatCount} rounds: this shows that the row works, not how fast anything is.**");
        if (row.Measurements.Count > 0)
        {
            line($"");
            line($"| figure | whose | median | smallest | largest | spread | of nginx | of HAProxy |");
            line($"|---|---|---|---|---|---|---|---|");
        }
        foreach (var table in row.Measurements.GroupBy(x => (x.Metric, x.Unit)))
        {
            var (nginx, haproxy) = (Median(table, Contender.Nginx), Median(table, Contender.Haproxy));
            foreach (var x in table)
                line($"| {x.Metric}, {x.Unit} | {x.Peer} | {x.Median:0.###} | {x.Rounds.Min():0.###} | {x.Rounds.Max():0.###} | {x.Spread:0%} | {Ratio(x.Median, nginx)} | {Ratio(x.Median, haproxy)} |");
        }
        if (row.Notes.Count > 0) line($"");
        foreach (var note in row.Notes) line($"- {note}");
    }

    private static double? Median(IEnumerable<Measurement> table, string peer) => table.FirstOrDefault(x => x.Peer == peer)?.Median;

    private static string Ratio(double value, double? of) => of is null or 0 ? "" : (value / of.Value).ToString("0.00", CultureInfo.InvariantCulture);
}
