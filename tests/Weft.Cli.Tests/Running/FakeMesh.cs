using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Cli.Tests.Running;

/// <summary>A real control plane and the real <c>weft</c>, with a script in the proxy's place: it answers <c>/ready</c> and notes what happens to it.</summary>
internal sealed class FakeMesh : IAsyncDisposable
{
    private static readonly string s_weft = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Cli/release/weft");

    private readonly TemporaryFolder _folder = new();
    private readonly List<Process> _processes = [];
    private HttpClient _http = new();
    private Process? _control;

    public string Folder => _folder.Path;

    public string Data { get; } = Directory.CreateTempSubdirectory("weft-cli-").FullName;

    public string ProxyLog => Path.Combine(Folder, "proxy-events");

    public static async Task<FakeMesh> StartAsync(string proxyBehaviour = "")
    {
        var python = Tool.Require("python3", "python3");
        var mesh = new FakeMesh();
        await mesh.StartControlAsync();
        var script = mesh._folder.Write("weft-proxy", $$"""
            #!{{python}}
            import http.server, json, os, signal, sys
            options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
            log = open("{{mesh.ProxyLog}}", "a", buffering=1)
            log.write(f"start {os.getpid()} token={os.path.getsize(options['--join-token-file'])}\n")
            def end(*_):
                log.write(f"drained {os.getpid()}\n")
                os._exit(0)
            signal.signal(signal.SIGTERM, end)
            {{proxyBehaviour}}
            admin = json.load(open(options["--bootstrap"]))["admin"]["address"]["socket_address"]
            class Ready(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200); self.end_headers()
                def log_message(self, *_): pass
            class Server(http.server.HTTPServer):
                allow_reuse_port = True
                def server_bind(self):
                    import socket
                    self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                    super().server_bind()
            Server((admin["address"], admin["port_value"]), Ready).serve_forever()
            """);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return mesh;
    }

    public async Task StartControlAsync()
    {
        _control = Process.Start(new ProcessStartInfo(s_weft, ["control", "--data", Data, "--api", "127.0.0.1:0", "--xds", "127.0.0.1:0"]) { UseShellExecute = false, RedirectStandardError = true })!;
        _ = _control.StandardError.ReadToEndAsync();
        _processes.Add(_control);
        var file = Path.Combine(Data, "control.json");
        await Eventually(() => File.Exists(file), "the control plane writes control.json");
        _http.Dispose();
        _http = new HttpClient { BaseAddress = new Uri("http://" + (string)JsonNode.Parse(await File.ReadAllTextAsync(file))!["api"]!) };
    }

    public async Task StopControlAsync()
    {
        Signal(_control!.Id, "-TERM");
        await ExitAsync(_control);
    }

    /// <summary>Starts <c>weft run</c> with these arguments.</summary>
    public Process Run(IEnumerable<string> options, IEnumerable<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(s_weft, ["run", "--data", Data, .. options, "--", .. command]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["WEFT_PROXY"] = Path.Combine(Folder, "weft-proxy");
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var process = Process.Start(start)!;
        _processes.Add(process);
        return process;
    }

    /// <summary>Runs to its end.</summary>
    public async Task<(int Code, string Out, string Error)> RunToEndAsync(IEnumerable<string> options, params string[] command)
    {
        var process = Run(options, command);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await ExitAsync(process);
        return (process.ExitCode, await output, await error);
    }

    public static async Task<int> ExitAsync(Process process)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public async Task<JsonNode> GetAsync(string path) => (await _http.GetFromJsonAsync<JsonNode>(path, TestContext.Current.CancellationToken))!;

    public async Task<IReadOnlyList<JsonNode>> WorkloadsAsync() =>
        [.. (await GetAsync("/apis/weft.dev/v1alpha1/namespaces/default/workloads"))["items"]!.AsArray().Select(w => w!)];

    public async Task<int> CountAsync(string path) => (await GetAsync(path))["items"]!.AsArray().Count;

    public IReadOnlyList<string> ProxyEvents => File.Exists(ProxyLog) ? File.ReadAllLines(ProxyLog) : [];

    public int ProxyProcess => int.Parse(ProxyEvents.Last(e => e.StartsWith("start", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);

    public async Task ProxyIsReadyAsync() => await Eventually(() => ProxyEvents.Count > 0, "the proxy starts");

    public static bool IsAlive(int process) => Processes.ProcessIdentity.Of(process) is not null;

    public static void Signal(int process, string signal) => Process.Start("kill", [signal, process.ToString(CultureInfo.InvariantCulture)])!.WaitForExit();

    public static async Task Eventually(Func<bool> condition, string what) => await Eventually(() => Task.FromResult(condition()), what);

    public static async Task Eventually(Func<Task<bool>> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > TimeSpan.FromSeconds(20)) Assert.Fail($"within 20 s: {what}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }
        _http.Dispose();
        Directory.Delete(Data, recursive: true);
        _folder.Dispose();
    }
}
