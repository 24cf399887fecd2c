using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Weft.Bench.Measuring;

/// <summary>What wrk reports of a closed-loop run.</summary>
public sealed record WrkResult(long Requests, double Seconds, long Errors);

/// <summary>What weft-loadtest reports of an open-loop run; times in milliseconds.</summary>
public sealed record LoadResult(long Requests, long Failed, double P50, double P99, double P999, double Max, double LatenessP99);

/// <summary>The programs that drive the load. Each runs as a process of its own: nothing that this one does can delay its clock.</summary>
public static partial class Tools
{
    private const int WrkConnections = 64, LoadConnections = 32;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>As many requests as 64 connections can carry.</summary>
    public static async Task<WrkResult> WrkAsync(Uri url, TimeSpan duration)
    {
        var text = await RunAsync(Repository.Find("wrk"), ["-t1", $"-c{WrkConnections}", $"-d{duration.TotalSeconds:0}s", url.ToString()]);
        var total = WrkTotal().Match(text);
        if (!total.Success) throw new InvalidOperationException($"wrk said: {text}");
        var seconds = double.Parse(total.Groups[2].Value, CultureInfo.InvariantCulture) * (total.Groups[3].Value == "m" ? 60 : 1);
        var errors = WrkErrors().Matches(text).Sum(m => m.Groups.Values.Skip(1).Where(g => g.Success).Sum(g => long.Parse(g.Value, CultureInfo.InvariantCulture)));
        return new WrkResult(long.Parse(total.Groups[1].Value, CultureInfo.InvariantCulture), seconds, errors);
    }

    /// <summary>Requests at a fixed rate, after a second of warm-up at the same rate.</summary>
    public static async Task<LoadResult> LoadAsync(Uri url, double rate, TimeSpan duration)
    {
        var program = Path.Combine(Repository.Root, "artifacts/bin/Weft.LoadTest/release/weft-loadtest");
        var text = await RunAsync(program, [
            "--rate", rate.ToString(CultureInfo.InvariantCulture), "--duration", $"{duration.TotalSeconds:0}s", "--warmup", $"{WarmUp.TotalSeconds:0}s",
            "--connections", LoadConnections.ToString(CultureInfo.InvariantCulture), "--max-failures", "1000000000", "--json", url.ToString()]);
        using var json = JsonDocument.Parse(text);
        var report = json.RootElement;
        var latency = report.GetProperty("latencyMs");
        return new LoadResult(report.GetProperty("requests").GetInt64(), report.GetProperty("failed").GetInt64(),
            latency.GetProperty("p50").GetDouble(), latency.GetProperty("p99").GetDouble(), latency.GetProperty("p999").GetDouble(),
            latency.GetProperty("max").GetDouble(), report.GetProperty("scheduleErrorMs").GetProperty("p99").GetDouble());
    }

    /// <summary>All requests that <see cref="LoadAsync"/> sends, warm-up included: what the proxy's processor time is divided by.</summary>
    public static double RequestsSent(double rate, TimeSpan duration) => rate * (duration + WarmUp).TotalSeconds;

    /// <summary>Runs a program and gives what it printed, or nothing when it cannot be run.</summary>
    public static string Say(string program, params string[] arguments)
    {
        try
        {
            return RunAsync(program, arguments).GetAwaiter().GetResult().Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "";
        }
    }

    private static async Task<string> RunAsync(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Root,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Length > 0 ? output : await error;
    }

    [GeneratedRegex(@"(\d+) requests in ([\d.]+)(s|m)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WrkTotal();

    [GeneratedRegex(@"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)|Non-2xx or 3xx responses: (\d+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WrkErrors();
}
