using System.Runtime.InteropServices;
using Weft.Bench;
using Weft.Bench.Clients;
using Weft.Bench.Peers;
using Weft.Bench.Results;
using Weft.Bench.Rows;

if (args is ["client", var url, var protocol]) return ClientProgram.Run(url, protocol);
if (!Arguments.TryParse(args, out var arguments)) return 2;

using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => PeerProcess.EndAll());
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => PeerProcess.EndAll());

Certificates.Make();
Content.Make();
var machine = Machine.Describe();
var results = new List<RowResult>();
var failed = false;
foreach (var row in arguments.Rows)
{
    Run.Say($"{row.Name}: {row.Says}");
    var sheet = new Sheet();
    var (at, load) = (DateTime.UtcNow, Machine.LoadAverage());
    if (machine.Cores < 2) sheet.Warn("one core: proxy, application and load take turns on it, and nothing here compares");
    if (load > 0.5 && results.Count == 0) sheet.Warn($"the machine was not quiet before the run: load average {load:0.00}");
    try
    {
        await row.MeasureAsync(new Run(arguments.Rounds, arguments.RoundTime, arguments.WarmUp, arguments.Folder is null, sheet));
    }
    catch (Exception e) when (e is InvalidOperationException or IOException or TimeoutException or HttpRequestException)
    {
        failed = true;
        sheet.Warn($"the row ended early: {e.Message}");
    }
    var measurements = sheet.Measurements;
    results.Add(new RowResult(row.Name, row.Says, $"{at:yyyy-MM-dd HH:mm} UTC", Machine.Commit(), load, arguments.Rounds, arguments.RoundTime.TotalSeconds,
        sheet.Configurations, sheet.Notes, [.. row.Requirements.Select(r => r.Judge(measurements))], measurements));
    if (arguments.Folder is { } folder) Run.Say($"  in {ResultFiles.Merge(folder, machine, [results[^1]], [.. AllRows.InOrder.Select(r => r.Name)])}");
}
Console.WriteLine();
Console.Write(ResultFiles.Summary(results));
if (arguments.Folder is null) Console.WriteLine("\nA quick run: it shows whether something is off, and is no figure to be quoted or committed.");
return failed ? 1 : 0;
