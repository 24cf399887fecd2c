using System.Globalization;
using System.Net;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>
/// The proxy beside one application: started, awaited until it is ready, started again when it dies, drained at the end. A native fault
/// ends a proxy process, never the application beside it; between the two is this supervisor.
/// </summary>
public sealed class Sidecar : IAsyncDisposable
{
    private readonly string _program;
    private readonly IReadOnlyList<string> _arguments;
    private readonly RunFolder _folder;
    private readonly ApplicationNamespace? _place;
    private readonly RunSettings _settings;
    private readonly CliContext _cli;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HttpClient _admin;
    private ChildProcess? _process;
    private Task _supervision = Task.CompletedTask;
    private string _missing = "";

    /// <param name="xds">Address of the control plane for proxies.</param>
    /// <param name="adminPort">Where it answers <c>/ready</c>.</param>
    /// <param name="place">The application's own network namespace, where it must listen too; null for none.</param>
    public Sidecar(RunFolder folder, string xds, int adminPort, ApplicationNamespace? place, RunSettings settings, CliContext cli)
    {
        _program = SiblingProgram.Proxy(cli.Environment);
        _arguments =
        [
            "--bootstrap", folder.Bootstrap, "--identity", xds, "--join-token-file", folder.JoinToken, "--keys", folder.Keys, "--cache", folder.Cache,
            "--drain-seconds", settings.SidecarDrain.TotalSeconds.ToString("0", CultureInfo.InvariantCulture),
        ];
        _folder = folder;
        _place = place;
        _settings = settings;
        _cli = cli;
        _admin = new HttpClient(cli.Network()) { BaseAddress = new Uri($"http://127.0.0.1:{adminPort}"), Timeout = TimeSpan.FromSeconds(2) };
    }

    /// <summary>Starts it and returns when it accepts requests under a configuration.</summary>
    /// <exception cref="CliException">It ended, or was not ready in time.</exception>
    public async Task StartAsync(CancellationToken cancel)
    {
        _process = await LaunchAsync();
        var started = _cli.Time.GetTimestamp();
        while (!await IsReadyAsync(cancel))
        {
            if (_process.Exited.IsCompleted)
                throw new CliException($"the sidecar ended with {await _process.Exited} before it was ready; the end of its log:\n{_folder.LogTail(10)}");
            if (_cli.Time.GetElapsedTime(started) > _settings.SidecarStart)
                throw new CliException($"the sidecar was not ready within {_settings.SidecarStart.TotalSeconds:0} s (--start-timeout){_missing}; the end of its log:\n{_folder.LogTail(10)}");
            await Task.Delay(_settings.PortPoll, _cli.Time, cancel);
        }
        _supervision = SuperviseAsync();
    }

    /// <summary>Tells callers to go elsewhere (GOAWAY, <c>Connection: close</c>); the application's own calls go on. Best effort: one that does not answer is about to be ended anyway.</summary>
    public async Task DrainInboundAsync()
    {
        try
        {
            using var answer = await _admin.PostAsync("/drain_listeners?graceful&inboundonly", content: null);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            // It died, and is being started again.
        }
    }

    /// <summary>Lets it finish what it has, then ends it.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _supervision;
        if (_process is not null) await _process.StopAsync(_settings.SidecarDrain + TimeSpan.FromSeconds(1), _cli.Time);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process?.Dispose();
        _admin.Dispose();
        _stopping.Dispose();
    }

    // SIGKILL when weft run is gone: a proxy that drains for nobody would hold the ports of the next run.
    private Task<ChildProcess> LaunchAsync() =>
        ChildProcess.StartAsync(_program, _arguments, new ChildTraits(Libc.SIGKILL, OwnSession: true, _folder.ProxyLog));

    private async Task SuperviseAsync()
    {
        var pause = _settings.RestartPause;
        while (true)
        {
            var started = _cli.Time.GetTimestamp();
            try
            {
                var code = await _process!.Exited.WaitAsync(_stopping.Token);
                if (_cli.Time.GetElapsedTime(started) > _settings.LongestRestartPause) pause = _settings.RestartPause;
                await _cli.Error.WriteLineAsync($"weft: the sidecar ended with {code}; starting it again. The end of its log:\n{_folder.LogTail(5)}");
                await Task.Delay(pause, _cli.Time, _stopping.Token);
                pause = pause * 2 < _settings.LongestRestartPause ? pause * 2 : _settings.LongestRestartPause;
                _process.Dispose();
                _process = await LaunchAsync();
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancel)
    {
        try
        {
            using var answer = await _admin.GetAsync("/ready", cancel);
            if (answer.StatusCode != HttpStatusCode.OK) return false;
            // Ready is said for the configuration; to the application it is ready when nothing that the rules lead there would be refused.
            _missing = _place?.Missing() is { } missing ? $": inside the application's namespace {missing}" : "";
            return _missing.Length == 0;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancel.IsCancellationRequested)
        {
            return false;
        }
    }
}
