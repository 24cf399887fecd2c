using System.Diagnostics;
using System.Text.Json;

namespace Weft.Bench.Measuring;

/// <summary>What a command to the generator came to; times in milliseconds.</summary>
internal sealed record GeneratorReport(long Requests, long Broken, int Connections, double Seconds, double P50, double P99)
{
    public LoadCount Count => new(Requests, Seconds, Broken);
}

/// <summary>A process of <see cref="Clients.ClientProgram"/>, which keeps its connections between commands.</summary>
internal sealed class Generator : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;

    private Generator(Process process) => _process = process;

    public static Generator Start(Uri url, string protocol)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["client", url.ToString(), protocol]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        return new Generator(Process.Start(start)!);
    }

    /// <summary>Gives one of the commands of <see cref="Clients.Herd.Do"/> and waits for its end.</summary>
    public async Task<GeneratorReport> DoAsync(string command)
    {
        await _process.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
        var line = await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience) ?? throw new InvalidOperationException($"the generator ended during '{command}'");
        return JsonSerializer.Deserialize<GeneratorReport>(line, Json)!;
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
