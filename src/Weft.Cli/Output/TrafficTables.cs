using System.Globalization;
using System.Text.Json.Nodes;

namespace Weft.Cli.Output;

/// <summary>The answer of <c>/weft/v1/stat</c> as tables: services, who calls whom, and who holds connections of bytes to whom.</summary>
public static class TrafficTables
{
    public static TextTable Services(JsonNode stat)
    {
        var table = new TextTable("SERVICE", "RPS", "SUCCESS", "P50", "P95", "P99", "MTLS");
        foreach (var row in Rows(stat, "services")) table.Add([Short(row, "name"), .. Numbers(row)]);
        return table;
    }

    public static TextTable Edges(JsonNode stat)
    {
        var table = new TextTable("FROM", "TO", "RPS", "SUCCESS", "P50", "P95", "P99", "MTLS");
        foreach (var row in Rows(stat, "edges")) table.Add([Short(row, "from"), Short(row, "to"), .. Numbers(row)]);
        return table;
    }

    /// <summary>TCP, and whatever else nobody looks into: there are no requests in it to count, so it has other columns. SENT is from FROM to TO.</summary>
    public static TextTable Connections(JsonNode stat)
    {
        var table = new TextTable("TCP FROM", "TO", "CONN/S", "OPEN", "FAILED", "SENT/S", "RECEIVED/S", "MTLS");
        foreach (var row in Rows(stat, "connections"))
        {
            var failures = (long)Value(row, "failures");
            table.Add(
                Short(row, "from"), Short(row, "to"), Value(row, "connectionsPerSecond").ToString("0.0", CultureInfo.InvariantCulture), ((long)Value(row, "open")).ToString(CultureInfo.InvariantCulture),
                new Cell(failures.ToString(CultureInfo.InvariantCulture), failures == 0 ? Style.Plain : Style.Error),
                Bytes(Value(row, "sentBytesPerSecond")), Bytes(Value(row, "receivedBytesPerSecond")), Share(Value(row, "mtlsShare"), Style.Warning));
        }
        return table;
    }

    /// <summary>The tables that have rows, or one line that says why there is nothing.</summary>
    public static string Text(JsonNode stat, bool terminal, bool servicesOnly, string where)
    {
        TextTable[] tables = servicesOnly ? [Services(stat)] : [Services(stat), Edges(stat), Connections(stat)];
        var text = string.Join('\n', tables.Where(t => t.Count > 0).Select(t => t.ToText(terminal)));
        return text.Length > 0 ? text : $"no requests in the last 30 s\ncall a service from a program under `{CliContext.CommandName} run{where}`\n";
    }

    private static IEnumerable<JsonNode> Rows(JsonNode stat, string name) => (stat[name] as JsonArray ?? []).OfType<JsonNode>();

    /// <summary>The namespace goes without saying when it is <c>default</c>.</summary>
    private static Cell Short(JsonNode row, string field)
    {
        var name = (string?)row[field] ?? "";
        return name.StartsWith("default/", StringComparison.Ordinal) ? name["default/".Length..] : name;
    }

    private static IEnumerable<Cell> Numbers(JsonNode row) =>
    [
        Value(row, "requestsPerSecond").ToString("0.0", CultureInfo.InvariantCulture),
        Share(Value(row, "successRate"), Style.Error),
        Millis(row, "p50Ms"), Millis(row, "p95Ms"), Millis(row, "p99Ms"),
        Share(Value(row, "mtlsShare"), Style.Warning),
    ];

    private static Cell Millis(JsonNode row, string field) => Value(row, field).ToString("0.0", CultureInfo.InvariantCulture) + " ms";

    /// <summary>Decimal units, as networks are measured.</summary>
    private static Cell Bytes(double bytes)
    {
        string[] units = ["B", "kB", "MB", "GB"];
        var unit = 0;
        for (; bytes >= 999.95 && unit < units.Length - 1; unit++) bytes /= 1000;
        return $"{bytes.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture)} {units[unit]}";
    }

    /// <summary>A share in percent. What is short of the whole is never rounded up to it.</summary>
    private static Cell Share(double share, Style short_)
    {
        if (share >= 1) return new Cell("100%", Style.Good);
        var percent = Math.Floor(share * 10_000) / 100;
        return new Cell(percent.ToString("0.##", CultureInfo.InvariantCulture) + "%", short_);
    }

    private static double Value(JsonNode row, string field) => (double?)row[field] ?? 0;
}
