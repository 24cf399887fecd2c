using System.Diagnostics;
using Weft.TestSupport;
using Xunit;

namespace Weft.Interop.Hosting;

/// <summary>A program of another gRPC library: what it prints, line by line, and what it is told. It dies with the test.</summary>
public sealed class Peer : IDisposable
{
    private readonly Process _process;

    private Peer(string program, string[] arguments, string? proxy)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        // A proxy of the environment would carry the calls elsewhere.
        foreach (var name in start.Environment.Keys.Where(k => k.EndsWith("_proxy", StringComparison.OrdinalIgnoreCase)).ToList()) start.Environment.Remove(name);
        if (proxy is not null) start.Environment["grpc_proxy"] = proxy;
        _process = Process.Start(start)!;
    }

    /// <summary>Runs a script of <c>node/</c> or <c>python/</c> in this project. Skips the test where the language or its gRPC is not there.</summary>
    public static Peer Start(string script, params string[] arguments) => StartBehind(null, script, arguments);

    /// <summary>The same; its calls go through a proxy, which it asks for a connection by CONNECT.</summary>
    /// <param name="proxy">As in <c>http://127.0.0.1:15001</c>; null for none.</param>
    public static Peer StartBehind(string? proxy, string script, params string[] arguments)
    {
        var path = Path.Combine(Tool.RepositoryRoot(), "tests/Weft.Interop", script);
        if (!script.EndsWith(".py", StringComparison.Ordinal)) return new Peer(Tool.Require("node", "nodejs"), [path, .. arguments], proxy);
        Tool.RequirePython("grpc", "python3-grpcio");
        return new Peer(Tool.Python, ["-B", path, .. arguments], proxy);
    }

    public Task<string?> ReadLineAsync() => _process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(40));

    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }
}
