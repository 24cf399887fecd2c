using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Weft.LoadTest.Reports;

/// <summary>A report as people read it, and as programs do.</summary>
public static partial class ReportText
{
    public static string Table(LoadReport report)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));

        Line($"{report.Target}  {report.Rate:0.##} requests/s planned, {report.Connections} connections, {report.Seconds:0.0} s{(report.StoppedEarly ? ", stopped early" : "")}");
        Line($"requests   {report.Requests,10}   {report.RequestsPerSecond:0.0}/s");
        Line($"succeeded  {report.Succeeded,10}");
        Line($"failed     {report.Failed,10}   {string.Join("  ", report.Failures.Select(f => $"{f.Key}: {f.Value}"))}");
        Line($"statuses   {string.Join("  ", report.Statuses.Select(s => $"{s.Key}: {s.Value}"))}");
        Line($"{"",-18}{"mean",9}{"p50",9}{"p90",9}{"p99",9}{"p99.9",9}{"max",9}");
        Summary("latency, ms", report.LatencyMs);
        Summary("own lateness, ms", report.ScheduleErrorMs);
        foreach (var failure in report.FirstFailures.Take(5)) Line($"  at {failure.AtSeconds:0.000} s  {failure.Failure}  {failure.Detail}");
        if (report.ScheduleErrorMs.P99 > Math.Max(1, report.LatencyMs.P99 / 10))
            Line($"The generator itself was late: this machine is too busy for these latencies to mean much.");
        return text.ToString();

        void Summary(string name, LatencySummary s) =>
            Line($"{name,-18}{s.Mean,9:0.000}{s.P50,9:0.000}{s.P90,9:0.000}{s.P99,9:0.000}{s.P999,9:0.000}{s.Max,9:0.000}");
    }

    public static string Json(LoadReport report) => JsonSerializer.Serialize(report, ReportJson.Default.LoadReport);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
    [JsonSerializable(typeof(LoadReport))]
    private sealed partial class ReportJson : JsonSerializerContext;
}
