using System.Net.Sockets;
using System.Runtime.InteropServices;
using Weft.LoadTest;
using Weft.LoadTest.Reports;

const int goodRun = 0, tooManyFailures = 1, noRun = 2;

if (args is [] or ["--help"] or ["-h"])
{
    Console.WriteLine(CommandLine.Usage);
    return args.Length == 0 ? noRun : goodRun;
}
try
{
    var command = CommandLine.Parse(args);
    using var stop = new CancellationTokenSource();
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    var report = await LoadGenerator.RunAsync(command.Options, stop.Token);
    Console.Write(command.Json ? ReportText.Json(report) + "\n" : ReportText.Table(report));
    return report.Failed > command.MaxFailures ? tooManyFailures : goodRun;

    // A person who interrupts a run still wants to see what came of it.
    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        stop.Cancel();
    }
}
catch (Exception e) when (e is ArgumentException or SocketException or IOException)
{
    await Console.Error.WriteLineAsync($"weft-loadtest: {e.Message}");
    return noRun;
}
