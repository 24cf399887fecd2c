using System.Globalization;
using System.Net;
using System.Reflection;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Cli.Processes;
using Weft.Cli.Running;
using Weft.Resources;

namespace Weft.Cli.Demo;

/// <summary>The Bookshop in the mesh: one <c>weft run</c> per process, as a person would start them, and a table that lives.</summary>
public sealed class BookshopDemo(DataFolder data, ControlClient control, CliContext cli) : IAsyncDisposable
{
    /// <summary>Longest that one <c>weft run</c> may take to leave in order.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_terminalRefresh = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_pipeRefresh = TimeSpan.FromSeconds(10);

    // Apart from the ports that sidecars take, which are chosen while these are not bound yet.
    private const int FirstPort = 12_000;
    private const int LastPort = 19_999;

    private readonly List<(DemoService Service, ChildProcess Process)> _runs = [];
    private readonly string _start = System.Security.Cryptography.RandomNumberGenerator.GetHexString(8, lowercase: true); // tells this start's workloads from those of others
    private readonly string _program = SiblingProgram.Bookshop(cli.Environment);

    /// <summary>Applies the demo's mesh, starts every process and returns when every edge carries requests.</summary>
    /// <exception cref="CliException">A process ended, or an edge stays silent.</exception>
    public async Task StartAsync(CancellationToken cancel)
    {
        WriteFiles();
        await control.PostTextAsync("/weft/v1/apply?fileName=mesh.yaml", await File.ReadAllTextAsync(FileOf("mesh.yaml"), cancel), ControlClient.Yaml, cancel);
        await control.PostTextAsync("/weft/v1/apply?fileName=catalog-100-0.yaml", await File.ReadAllTextAsync(FileOf("catalog-100-0.yaml"), cancel), ControlClient.Yaml, cancel);
        var ports = ChoosePorts(DemoServices.All.Length);
        foreach (var stage in DemoServices.All.Zip(ports).GroupBy(s => s.First.Listens).OrderByDescending(g => g.Key))
        {
            // Customers come when the shop is open: a request to a service that is still starting would fail, and rightly.
            foreach (var (service, port) in stage) _runs.Add((service, await RunAsync(service, port)));
            await UnlessOneEndsAsync(waiting => DemoTraffic.WaitForWorkloadsAsync(control, _start, [.. _runs.Select(r => r.Service)], cli, waiting), cancel);
        }
        await UnlessOneEndsAsync(waiting => DemoTraffic.WaitAsync(control, cli, waiting), cancel);
    }

    /// <summary>Shows the numbers until <paramref name="cancel"/>, and says so when a process ends by itself.</summary>
    public async Task ShowAsync(CancellationToken cancel)
    {
        var live = new LiveText(cli);
        var reported = new HashSet<string>(StringComparer.Ordinal);
        var next = NextSteps();
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                var stat = TrafficTables.Text(await control.GetAsync("/weft/v1/stat", cancel), cli.OutIsTerminal, servicesOnly: false, control.Where);
                live.Show(cli.OutIsTerminal || next.Length > 0 ? $"{stat}\n{next}" : stat);
                if (!cli.OutIsTerminal) next = ""; // once is enough where nothing is painted over
                foreach (var run in _runs.Where(r => r.Process.Exited.IsCompleted && reported.Add(r.Service.Label))) await cli.Error.WriteLineAsync(Ended(run).Message);
                await Task.Delay(cli.OutIsTerminal ? s_terminalRefresh : s_pipeRefresh, cli.Time, cancel);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Customers leave first, so that nobody is turned away at a door that is being closed.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var stage in _runs.GroupBy(r => r.Service.Listens).OrderBy(g => g.Key))
            await Task.WhenAll(stage.Select(r => r.Process.StopAsync(s_patience, cli.Time)));
        foreach (var (_, process) in _runs) process.Dispose();
        _runs.Clear();
    }

    /// <summary>Waits, but not for what can no longer come.</summary>
    private async Task UnlessOneEndsAsync(Func<CancellationToken, Task> wait, CancellationToken cancel)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var awaited = wait(waiting.Token);
        if (await Task.WhenAny([awaited, .. _runs.Select(r => r.Process.Exited)]) != awaited)
        {
            await waiting.CancelAsync();
            throw Ended(_runs.Find(r => r.Process.Exited.IsCompleted));
        }
        await awaited;
    }

    private async Task<ChildProcess> RunAsync(DemoService service, int port)
    {
        var number = port.ToString(CultureInfo.InvariantCulture);
        string[] arguments =
        [
            "run", "--data", data.Path, "--service", service.Service, "--label", $"{WeftLabels.Demo}={_start}",
            .. service.Listens ? (string[])["--port", number] : [],
            .. service.Version.Length > 0 ? (string[])["--version", service.Version] : [],
            "--", _program, service.Service,
            .. service.Listens ? (string[])["--port", number] : ["--target", "http://storefront"],
            .. service.Version.Length > 0 ? (string[])["--version", service.Version] : [],
        ];
        // SIGTERM and not SIGKILL: even when this process is killed, each run takes its application and sidecar down in order.
        return await ChildProcess.StartAsync(Environment.ProcessPath!, arguments, new ChildTraits(Libc.SIGTERM, OwnSession: true, LogOf(service)));
    }

    /// <summary>Ports for the applications, which bind them themselves: held together so that no two are the same, and let go before they start.</summary>
    private static List<int> ChoosePorts(int count)
    {
        using var ports = new PortReservation(FirstPort, LastPort);
        var random = new Random(Environment.ProcessId);
        return [.. Enumerable.Range(0, count).Select(_ => ports.Take(IPAddress.Loopback, random))];
    }

    private void WriteFiles()
    {
        DataFolder.CreatePrivate(data.DemoFolder);
        foreach (var log in Directory.GetFiles(data.DemoFolder, "*.log")) File.Delete(log);
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith("demo/", StringComparison.Ordinal)))
        {
            using var content = assembly.GetManifestResourceStream(name)!;
            using var file = File.Create(FileOf(name["demo/".Length..]));
            content.CopyTo(file);
        }
    }

    private string NextSteps()
    {
        return $"""
            {Style.Heading.Paint("Try next, in another terminal:", cli.OutIsTerminal)}
              {data.Command("stat", cli)}
              {data.Command("apply", cli)} --wait -f {ShellWord.Quote(FileOf("catalog-90-10.yaml"))}
              {data.Command("run", cli)} --service me -- curl -s http://catalog/books
            {data.Command("status", cli)} shows every proxy; Ctrl-C, or {data.Command("down", cli)}, ends everything.

            """;
    }

    private CliException Ended((DemoService Service, ChildProcess Process) run)
    {
        var log = LogOf(run.Service);
        var tail = File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(5).Select(l => "  " + l)) : "";
        return new CliException($"{run.Service.Label} of the demo ended with {run.Process.Exited.Result}; its log is {log}:\n{tail}");
    }

    private string FileOf(string name) => Path.Combine(data.DemoFolder, name);

    private string LogOf(DemoService service) => FileOf(service.Label + ".log");
}
