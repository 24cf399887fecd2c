using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Weft.Bench.Results;
using Weft.Bench.Rows;

namespace Weft.Bench;

/// <summary>What to measure, and how long.</summary>
/// <param name="Rows">In the order in which they are measured.</param>
/// <param name="Folder">Where the results are kept; null for a quick run, which keeps none.</param>
internal sealed record Arguments(IReadOnlyList<Row> Rows, int Rounds, TimeSpan RoundTime, TimeSpan WarmUp, string? Folder)
{
    public static bool TryParse(string[] args, [NotNullWhen(true)] out Arguments? arguments)
    {
        arguments = null;
        var (quick, rounds, folder) = (false, (int?)null, Path.Combine(Repository.Root, "bench/results"));
        var rows = new List<Row>();
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "--quick") quick = true;
            else if (args[i] == "--rounds" && i + 1 < args.Length && int.TryParse(args[++i], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n > 0) rounds = n;
            else if (args[i] == "--out" && i + 1 < args.Length) folder = args[++i];
            else if (AllRows.InOrder.FirstOrDefault(r => r.Name == args[i]) is { } row) rows.Add(row);
            else
            {
                Console.Error.Write(args[i] is "--help" or "-h" ? Help() : $"bench/run: '{args[i]}' is no row and no option\n\n{Help()}");
                return false;
            }
        }
        if (rows.Count == 0) rows.AddRange(AllRows.InOrder.Where(r => r.IsMain || !quick));
        arguments = quick
            ? new Arguments(rows, rounds ?? 2, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), null)
            : new Arguments(rows, rounds ?? RowResult.RoundsThatCount, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(4), folder);
        return true;
    }

    private static string Help()
    {
        var text = new System.Text.StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            usage: bench/run [ROW...] [--quick] [--rounds N] [--out DIR]

            Measures weft-proxy beside its peers, in one run on one machine. Without a row: all of them, {AllRows.InOrder.Sum(r => r.Minutes):0} minutes. Every row that is done is written
            to bench/results/<date>.md and .json in the place of an older one of that day, so rows can be measured one by one.

              --quick     the main rows in under two minutes; prints ratios, keeps nothing, and is no figure to be quoted
              --rounds N  default {RowResult.RoundsThatCount}; fewer do not count as a result, and the results say so
              --out DIR   instead of bench/results

            Rows (minutes; q: in --quick):
            """);
        foreach (var row in AllRows.InOrder) text.AppendLine(CultureInfo.InvariantCulture, $"  {row.Name,-11} {row.Minutes,4:0.#} {(row.IsMain ? "q" : " ")}  {row.Says}");
        return text.ToString();
    }
}
