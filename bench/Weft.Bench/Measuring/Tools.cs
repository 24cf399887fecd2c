using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Weft.Bench.Peers;

namespace Weft.Bench.Measuring;

/// <summary>What a closed-loop load did.</summary>
internal sealed record LoadCount(long Requests, double Seconds, long Errors);

/// <summary>What weft-loadtest reports of an open-loop run; times in milliseconds.</summary>
internal sealed record LoadResult(long Requests, long Failed, double P50, double P99, double P999, double LatenessP99);

/// <summary>The programs that drive the load. Each runs as a process of its own: nothing that this one does can delay its clock.</summary>
internal static partial class Tools
{
    private const int WrkConnections = 64, LoadConnections = 32, H2Connections = 8, H2Streams = 16;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>As many HTTP/1.1 requests as the connections can carry.</summary>
    /// <param name="script">Lua that makes the requests; null asks for the URL alone.</param>
    /// <param name="arguments">Of the script.</param>
    public static async Task<LoadCount> WrkAsync(Uri url, TimeSpan duration, string? script = null, int connections = WrkConnections, params string[] arguments)
    {
        string[] scripted = script is null ? [] : ["-s", script];
        string[] behind = arguments.Length == 0 ? [] : ["--", .. arguments];
        var text = await RunAsync(Repository.Find("wrk")!, ["-t1", $"-c{connections}", $"-d{duration.TotalSeconds:0}s", .. scripted, url.ToString(), .. behind]);
        var total = WrkTotal().Match(text);
        if (!total.Success) throw new InvalidOperationException($"wrk said: {text}");
        var seconds = Number(total.Groups[2]) * (total.Groups[3].Value == "m" ? 60 : 1);
        var errors = WrkErrors().Matches(text).Sum(m => m.Groups.Values.Skip(1).Where(g => g.Success).Sum(g => (long)Number(g)));
        return new LoadCount((long)Number(total.Groups[1]), seconds, errors);
    }

    /// <summary>As many gRPC-like calls over HTTP/2 in plain text as 8 connections of 16 streams can carry: a small message each way, trailers after the answer.</summary>
    public static async Task<LoadCount> H2LoadAsync(Uri url, TimeSpan duration)
    {
        var text = await RunAsync(Repository.Find("h2load")!, [
            "-t1", $"-c{H2Connections}", $"-m{H2Streams}", $"-D{duration.TotalSeconds:0}", "-d", Content.GrpcRequest, "-H", "content-type: application/grpc", "-H", "te: trailers",
            new Uri(url, Content.GrpcPath).ToString()]);
        var total = H2LoadTotal().Match(text);
        if (!total.Success) throw new InvalidOperationException($"h2load said: {text}");
        var (done, good) = ((long)Number(total.Groups[1]), (long)Number(H2LoadGood().Match(text).Groups[1]));
        return new LoadCount(done, duration.TotalSeconds, done - good);
    }

    /// <summary>Requests at a fixed rate, after a second of warm-up at the same rate.</summary>
    public static async Task<LoadResult> LoadAsync(Uri url, double rate, TimeSpan duration)
    {
        var text = await RunAsync(Repository.Built("Weft.LoadTest", "weft-loadtest"), [
            "--rate", rate.ToString(CultureInfo.InvariantCulture), "--duration", $"{duration.TotalSeconds:0}s", "--warmup", $"{WarmUp.TotalSeconds:0}s",
            "--connections", LoadConnections.ToString(CultureInfo.InvariantCulture), "--max-failures", "1000000000", "--json", url.ToString()]);
        using var json = JsonDocument.Parse(text);
        var report = json.RootElement;
        var latency = report.GetProperty("latencyMs");
        return new LoadResult(report.GetProperty("requests").GetInt64(), report.GetProperty("failed").GetInt64(),
            latency.GetProperty("p50").GetDouble(), latency.GetProperty("p99").GetDouble(), latency.GetProperty("p999").GetDouble(),
            report.GetProperty("scheduleErrorMs").GetProperty("p99").GetDouble());
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

    private static double Number(Group group) => double.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\d+) requests in ([\d.]+)(s|m)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WrkTotal();

    [GeneratedRegex(@"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)|Non-2xx or 3xx responses: (\d+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex WrkErrors();

    [GeneratedRegex(@"requests: \d+ total, \d+ started, (\d+) done", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex H2LoadTotal();

    [GeneratedRegex(@"status codes: (\d+) 2xx", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex H2LoadGood();
}
