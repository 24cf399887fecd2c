using System.Text;
using System.Text.Json.Nodes;
using Weft.Cli.Output;

namespace Weft.Cli.Interception;

/// <summary>What is installed, for people and for programs.</summary>
/// <param name="Where">Which interface of the kernel holds the rules.</param>
public sealed record InterceptionReport(RedirectPlan Plan, string Where, IReadOnlyList<RedirectTarget> Targets)
{
    public const string Nothing = "nothing is intercepted here";

    /// <summary>One sentence, a table of what goes where, what is left alone, and a warning for each port that does not take what goes there.</summary>
    public string Text(bool terminal)
    {
        var text = new StringBuilder($"connections are intercepted ({Where})\n\n");
        var table = new TextTable("DIRECTION", "TRAFFIC", "TO PORT", "LISTENS");
        foreach (var target in Targets)
            table.Add(target.Direction, target.Traffic, $"{target.Port}", Cell(target.Listens));
        text.Append(table.ToText(terminal)).Append('\n').Append("left alone: ").AppendJoin("; ", LeftAlone()).Append('\n');
        foreach (var warning in Targets.Select(t => t.Warning).OfType<string>()) text.Append(Style.Warning.Paint("warning:", terminal)).Append(' ').Append(warning).Append('\n');
        return text.ToString();
    }

    /// <summary>The same for programs; a namespace without rules gives <see cref="NothingJson"/>.</summary>
    public JsonObject Json() => new()
    {
        ["installed"] = true,
        ["where"] = Where,
        ["targets"] = new JsonArray([.. Targets.Select(t => new JsonObject { ["direction"] = t.Direction, ["traffic"] = t.Traffic, ["port"] = t.Port, ["listens"] = t.Listens.ToString() })]),
        ["outboundPort"] = Plan.OutboundPort,
        ["dnsPort"] = Plan.Names?.Port,
        ["nameservers"] = List(Plan.Names?.Servers ?? []),
        ["inbound"] = new JsonArray([.. Plan.Inbound.Select(p => new JsonObject { ["port"] = p.Key, ["to"] = p.Value })]),
        ["excluded"] = new JsonObject
        {
            ["users"] = Numbers(Plan.ExcludedUsers.Select(u => (long)u)),
            ["groups"] = Numbers(Plan.ExcludedGroups.Select(g => (long)g)),
            ["mark"] = Plan.ExcludedMark,
            ["ports"] = Numbers(Plan.ExcludedPorts.Select(p => (long)p)),
            ["ranges"] = List(Plan.ExcludedRanges.Select(AddressRanges.Text)),
        },
    };

    public static JsonObject NothingJson() => new() { ["installed"] = false };

    private static Cell Cell(Listens listens) => listens switch
    {
        Listens.Yes => new Cell("yes", Style.Good),
        Listens.IPv4Only => new Cell("IPv4 only", Style.Warning),
        Listens.LoopbackOnly => new Cell("loopback only", Style.Error),
        _ => new Cell("no", Style.Error),
    };

    private IEnumerable<string> LeftAlone()
    {
        if (Plan.ExcludedUsers.Count > 0) yield return $"user {string.Join(", ", Plan.ExcludedUsers)}";
        if (Plan.ExcludedGroups.Count > 0) yield return $"group {string.Join(", ", Plan.ExcludedGroups)}";
        if (Plan.ExcludedMark is { } mark) yield return $"mark 0x{mark:x}";
        yield return "loopback";
        if (Plan.ExcludedPorts.Count > 0) yield return $"port {string.Join(", ", Plan.ExcludedPorts)}";
        if (Plan.ExcludedRanges.Length > 0) yield return string.Join(", ", Plan.ExcludedRanges.Select(AddressRanges.Text));
        yield return Plan.Names is null ? "UDP; ICMP" : "UDP but questions of the domain name system; ICMP";
    }

    private static JsonArray List<T>(IEnumerable<T> items) => new([.. items.Select(i => JsonValue.Create(i!.ToString()))]);

    private static JsonArray Numbers(IEnumerable<long> items) => new([.. items.Select(i => JsonValue.Create(i))]);
}
