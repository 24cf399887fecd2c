using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.TestSupport;

namespace Weft.Proxy.Tests.Hosting;

/// <summary>A real weft-proxy process with a bootstrap of the test's own. Its admin endpoint listens on a free port.</summary>
internal sealed class RunningProxy : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-proxy-").FullName;
    private readonly StringBuilder _log = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly Process _process;

    /// <param name="bootstrap">Without an admin section.</param>
    private RunningProxy(string bootstrap, string[] arguments, string limit = "")
    {
        var port = Ports.Free();
        var file = Path.Combine(_folder, "bootstrap.yaml");
        File.WriteAllText(file, $"{bootstrap}\nadmin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}\n");
        Admin = new Uri($"http://127.0.0.1:{port}/");
        var executable = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Proxy/release/weft-proxy");
        // A shell's limits are those of what it becomes.
        var (program, first) = limit.Length > 0 ? ("/bin/sh", (string[])["-c", $"{limit} && exec \"$0\" \"$@\"", executable]) : (executable, []);
        var start = new ProcessStartInfo(program, [.. first, "--bootstrap", file, .. arguments.Contains("--drain-seconds") ? arguments : ["--drain-seconds", "1", .. arguments]]) { RedirectStandardError = true, UseShellExecute = false };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, e) => { lock (_log) _log.AppendLine(e.Data); };
        _process.BeginErrorReadLine();
    }

    public Uri Admin { get; }

    public Process Process => _process;

    /// <summary>What the process said.</summary>
    public string Log { get { lock (_log) return _log.ToString(); } }

    /// <summary>Started, however far it gets.</summary>
    public static RunningProxy Start(string bootstrap, params string[] arguments) => new(bootstrap, arguments);

    /// <summary>Started, and ready by its own account.</summary>
    public static Task<RunningProxy> StartAsync(string bootstrap, params string[] arguments) => StartLimitedAsync("", bootstrap, arguments);

    /// <summary>The same under a limit of the shell's, <c>ulimit -n 512</c>.</summary>
    public static async Task<RunningProxy> StartLimitedAsync(string limit, string bootstrap, params string[] arguments)
    {
        var proxy = new RunningProxy(bootstrap, arguments, limit);
        try
        {
            await proxy.UntilAsync(async () => await proxy.GetAsync("ready") is { Length: > 0 });
            return proxy;
        }
        catch
        {
            proxy.Dispose();
            throw;
        }
    }

    public async Task<string> GetAsync(string path) => await _http.GetStringAsync(new Uri(Admin, path));

    /// <summary>One sample of <c>/metrics</c>.</summary>
    /// <param name="series">As it stands there, labels included.</param>
    public async Task<double> MetricAsync(string series) =>
        double.Parse((await GetAsync("metrics")).Split('\n').First(l => l.StartsWith(series + " ", StringComparison.Ordinal)).Split(' ')[1]);

    /// <summary>Where a listener with port 0 got to.</summary>
    public async Task<IPEndPoint> ListenerAsync(string name) =>
        IPEndPoint.Parse((await GetAsync("listeners")).Split('\n').Single(l => l.StartsWith(name + "::", StringComparison.Ordinal)).Split("::")[1]);

    /// <summary>Waits up to 20 s; a refused connection counts as "not yet".</summary>
    public Task UntilAsync(Func<Task<bool>> condition) => UntilAsync(condition, TimeSpan.FromSeconds(20));

    public async Task UntilAsync(Func<Task<bool>> condition, TimeSpan limit)
    {
        for (var started = Stopwatch.StartNew(); started.Elapsed < limit; await Task.Delay(20))
        {
            try
            {
                if (await condition()) return;
            }
            catch (HttpRequestException)
            {
                // not listening, or not ready, yet
            }
            if (_process.HasExited) throw new InvalidOperationException($"the process ended: {Log}");
        }
        throw new TimeoutException($"not within {limit.TotalSeconds} s; the process said: {Log}");
    }

    public void Dispose()
    {
        _http.Dispose();
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit(5000);
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
