using Weft.Bench;
using Weft.Bench.Peers;
using Weft.Bench.Results;
using Weft.Bench.Rows;

var rows = new Dictionary<string, Func<Run, Task>[]>
{
    ["h1"] = [Saturation.MeasureAsync, Latency.MeasureAsync, ChurnRow.MeasureAsync, Startup.MeasureAsync],
    ["saturation"] = [Saturation.MeasureAsync],
    ["latency"] = [Latency.MeasureAsync],
    ["churn"] = [ChurnRow.MeasureAsync],
    ["memory"] = [Memory.MeasureAsync],
    ["start"] = [Startup.MeasureAsync],
};
rows["all"] = rows["h1"]; // the rows of later protocols join here

var quick = args.Contains("--quick");
var outAt = Array.IndexOf(args, "--out");
var folder = outAt >= 0 && outAt + 1 < args.Length ? args[outAt + 1] : Path.Combine(Repository.Root, "bench/results");
var names = args.Where((arg, i) => !arg.StartsWith("--", StringComparison.Ordinal) && (outAt < 0 || i != outAt + 1)).ToList();
var row = names.Count == 0 ? "h1" : names[0];
if (names.Count > 1 || !rows.TryGetValue(row, out var parts))
{
    Console.Error.WriteLine($"usage: bench/run [{string.Join('|', rows.Keys)}] [--quick] [--out DIR]");
    return 2;
}

var machine = Machine.Describe();
var sheet = new Sheet();
if (machine.Cores < 2) sheet.Warn("one core: proxy, application and load take turns on it, and nothing here compares");
if (machine.LoadAverageBefore > 0.5) sheet.Warn($"the machine was not quiet before the run: load average {machine.LoadAverageBefore:0.00}");
var proxies = AllPeers.Proxies.Where(peer => File.Exists(peer.Program)).ToList();
foreach (var absent in AllPeers.Proxies.Except(proxies)) sheet.Warn($"{absent.Name} took no part: {absent.Program} is not there");

var run = new Run(proxies, quick ? 2 : 7, TimeSpan.FromSeconds(quick ? 2 : 8), TimeSpan.FromSeconds(quick ? 1 : 5), sheet);
foreach (var part in parts) await part(run);

var measured = sheet.Measurements;
var configurations = proxies.Where(peer => measured.Any(m => m.Peer == peer.Name && m.Row != "churn")).Append(AllPeers.Backend).Select(peer => peer.Configuration).ToList();
if (measured.Any(m => m.Row == "churn")) configurations.Add(AllPeers.WeftUnderChurn.Configuration);
Console.Write(ResultFiles.Write(folder, row, quick, run.Rounds, machine, sheet, configurations));
return 0;
