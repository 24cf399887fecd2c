using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.TestSupport;
using Xunit;
using LocalPorts = Weft.TestSupport.Ports;

namespace Weft.Scenarios.CommandLine;

/// <summary>The programs as a person has them, with a data folder of their own: <c>weft</c> is called as from a shell, and what it starts is real.</summary>
internal sealed class Installation : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly List<Running> _running = [];

    public Installation()
    {
        Api = LocalPorts.Free();
        Xds = LocalPorts.Free();
        Data = Directory.CreateTempSubdirectory("weft-scenario-").FullName;
    }

    /// <summary>The data folder; also the home folder, so that nothing of the person who runs the tests is touched.</summary>
    public string Data { get; }

    public int Api { get; }

    public int Xds { get; }

    public string[] Ports => ["--api", $"127.0.0.1:{Api}", "--xds", $"127.0.0.1:{Xds}"];

    public static string Weft { get; } = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Cli/release/weft");

    public static string Bookshop { get; } = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Bookshop/release/bookshop");

    /// <summary>Runs <c>weft ARGS</c> to its end.</summary>
    public Task<Finished> WeftAsync(params string[] args) => ToEndAsync(Weft, args);

    /// <summary>Runs one line of a shell in which <c>weft</c> is on the path.</summary>
    public Task<Finished> ShellAsync(string line) => ToEndAsync("/bin/sh", ["-c", line]);

    /// <summary>Starts <c>weft ARGS</c> and returns while it runs.</summary>
    public Running Start(params string[] args) => Start(Weft, args);

    /// <summary>Starts a line of a shell that becomes a command which goes on.</summary>
    public Running StartShell(string line) => Start("/bin/sh", ["-c", line]);

    private Running Start(string program, string[] args)
    {
        var running = new Running(Process.Start(Info(program, args))!, string.Join(' ', args));
        _running.Add(running);
        return running;
    }

    /// <summary>A control plane in a process of its own.</summary>
    public async Task<Running> StartControlAsync()
    {
        var control = Start(["control", .. Ports]);
        await Eventually(async () => (await WeftAsync("status")).Code == 0, "the control plane answers", control);
        return control;
    }

    /// <summary>Starts a command under <c>weft run</c> and returns when it is in the mesh.</summary>
    public async Task<Running> RunAsync(string[] options, params string[] command)
    {
        var run = Start(["run", .. options, "--", .. command]);
        await Eventually(() => Task.FromResult(run.Log.Contains("is in the mesh", StringComparison.Ordinal)), $"{run.Name} is in the mesh", run);
        return run;
    }

    /// <summary>One service of the Bookshop under <c>weft run</c>.</summary>
    public Task<Running> RunBookshopAsync(string service, string version = "")
    {
        var port = LocalPorts.Free().ToString(CultureInfo.InvariantCulture);
        string[] versioned = version.Length > 0 ? ["--version", version] : [];
        return RunAsync(["--service", service, "--port", port, .. versioned], [Bookshop, service, "--port", port, .. versioned]);
    }

    /// <summary>A client of the mesh that does nothing by itself: its sidecar's forward proxy is a way in for the test.</summary>
    public async Task<Uri> RunClientAsync(string service)
    {
        await RunAsync(["--service", service], "sleep", "1000");
        return new Uri($"http://127.0.0.1:{(await ProxiesAsync()).Single(p => p["service"]!.ToString() == service)["outboundPort"]}");
    }

    public async Task<IReadOnlyList<JsonNode>> ProxiesAsync()
    {
        var status = await WeftAsync("status", "-o", "json");
        return [.. JsonNode.Parse(status.Out)!["proxies"]!.AsArray().Select(p => p!)];
    }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Data, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The split of catalog between its versions, as a file.</summary>
    public string Split(int v1, int v2) => Write($"split-{v1}-{v2}.yaml", $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: catalog}
        spec:
          parentRefs: [{group: "", kind: Service, name: catalog}]
          rules:
          - backendRefs:
            - {name: catalog-v1, port: 80, weight: {{v1}}}
            - {name: catalog-v2, port: 80, weight: {{v2}}}
        """);

    /// <summary>Everything that was started on this data folder and still runs, whoever its parent is now.</summary>
    public IReadOnlyList<string> LeftProcesses()
    {
        var mark = $"WEFT_DATA={Data}\0";
        return [.. Directory.GetDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])).Where(d => Read(d, "environ").Contains(mark, StringComparison.Ordinal))
            .Select(d => $"{Path.GetFileName(d)} {Read(d, "cmdline").Replace('\0', ' ')}")];

        static string Read(string folder, string file)
        {
            try
            {
                return File.ReadAllText(Path.Combine(folder, file));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return ""; // it has just ended
            }
        }
    }

    public static async Task Eventually(Func<Task<bool>> condition, string what, Running? of = null)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > s_patience || of?.HasEnded == true) Assert.Fail($"{what}: not within {watch.Elapsed.TotalSeconds:0} s. {of?.Log}");
            await Task.Delay(100);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var running in Enumerable.Reverse(_running)) running.Signal("-TERM");
        foreach (var running in _running) await running.EndAsync();
        Directory.Delete(Data, recursive: true);
    }

    private async Task<Finished> ToEndAsync(string program, string[] args)
    {
        using var process = Process.Start(Info(program, args))!;
        using var limit = new CancellationTokenSource(s_patience);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        try
        {
            await process.WaitForExitAsync(limit.Token);
            return new Finished(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException e)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', args)} did not end within {s_patience.TotalSeconds} s", e);
        }
    }

    private ProcessStartInfo Info(string program, string[] args)
    {
        var start = new ProcessStartInfo(program, args) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["WEFT_DATA"] = Data;
        start.Environment["HOME"] = Data;
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Weft)}:{start.Environment["PATH"]}";
        start.Environment.Remove("WEFT_SERVER");
        return start;
    }
}

/// <summary>What a command printed and how it ended.</summary>
internal sealed record Finished(int Code, string Out, string Error)
{
    public Finished ShouldSucceed()
    {
        Code.ShouldBe(0, Out + Error);
        return this;
    }
}

/// <summary>A command that goes on.</summary>
internal sealed class Running
{
    private readonly Process _process;
    private readonly StringBuilder _log = new();

    public Running(Process process, string name)
    {
        _process = process;
        Name = name;
        process.OutputDataReceived += (_, e) => Note(e.Data);
        process.ErrorDataReceived += (_, e) => Note(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    /// <summary>What it has printed so far, on both streams.</summary>
    public string Log { get { lock (_log) return _log.ToString(); } }

    public void Signal(string signal)
    {
        if (!_process.HasExited) Process.Start("/bin/kill", [signal, _process.Id.ToString(CultureInfo.InvariantCulture)])!.WaitForExit();
    }

    public async Task EndAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
    }

    private void Note(string? line)
    {
        if (line is null) return;
        lock (_log) _log.AppendLine(line);
    }
}
