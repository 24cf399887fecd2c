using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Weft.Bench.Results;

/// <summary>Writes a run as a page for people and as JSON for charts.</summary>
public static class ResultFiles
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    public static string Write(string folder, string row, bool quick, int rounds, Machine machine, Sheet sheet, IReadOnlyList<string> configurations)
    {
        Directory.CreateDirectory(folder);
        var name = $"{DateTime.UtcNow:yyyy-MM-dd}-{row}{(quick ? "-quick" : "")}";
        var measurements = sheet.Measurements;
        File.WriteAllText(Path.Combine(folder, name + ".json"), JsonSerializer.Serialize(
            new { row, quick, rounds, machine, configurations, notes = sheet.Notes, measurements }, Json) + "\n");
        var page = Markdown(row, quick, rounds, machine, sheet, configurations);
        File.WriteAllText(Path.Combine(folder, name + ".md"), page);
        return page;
    }

    private static string Markdown(string row, bool quick, int rounds, Machine m, Sheet sheet, IReadOnlyList<string> configurations)
    {
        var page = new StringBuilder();
        void Line(FormattableString line) => page.AppendLine(line.ToString(CultureInfo.InvariantCulture));

        Line($"# {row}, {m.Date}");
        Line($"");
        Line($"Commit {m.Commit}. {m.Processor}, {m.Cores} cores, {m.MemoryMegabytes} MB, Linux {m.Kernel}; load average before the run {m.LoadAverageBefore:0.00}.");
        Line($"{m.Nginx}; {m.Haproxy}; .NET {m.Dotnet}; {m.Wrk}.");
        Line($"Medians of {rounds} interleaved rounds; the proxy alone on its core, application and load together on another.");
        Line($"Configurations: {string.Join(", ", configurations.Select(c => $"`bench/peers/{c}`"))}.");
        if (quick) Line($"**Quick run: it shows that the harness works, not how fast anything is.**");
        foreach (var table in sheet.Measurements.GroupBy(x => (x.Row, x.Metric, x.Unit)))
        {
            var nginx = table.FirstOrDefault(x => x.Peer == "nginx")?.Median;
            var haproxy = table.FirstOrDefault(x => x.Peer == "haproxy")?.Median;
            Line($"");
            Line($"## {table.Key.Row}: {table.Key.Metric} ({table.Key.Unit})");
            Line($"");
            Line($"| | median | smallest | largest | spread | of nginx | of HAProxy |");
            Line($"|---|---|---|---|---|---|---|");
            foreach (var x in table)
                Line($"| {x.Peer} | {x.Median:0.###} | {x.Rounds.Min():0.###} | {x.Rounds.Max():0.###} | {x.Spread:0%} | {Ratio(x.Median, nginx)} | {Ratio(x.Median, haproxy)} |");
        }
        if (sheet.Notes.Count > 0)
        {
            Line($"");
            Line($"## What weakens these figures");
            Line($"");
            foreach (var note in sheet.Notes.Distinct()) Line($"- {note}");
        }
        return page.ToString();
    }

    private static string Ratio(double value, double? of) =>
        of is null or 0 ? "" : (value / of.Value).ToString("0.00", CultureInfo.InvariantCulture);
}
