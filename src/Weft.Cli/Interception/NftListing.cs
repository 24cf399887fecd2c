using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Weft.Cli.Interception;

/// <summary>Reads a plan back from <c>nft -j list table inet weft</c> (libnftables-json(5)): what is shown is what the kernel does, not what somebody once asked for.</summary>
public static class NftListing
{
    /// <exception cref="CliException">The table holds something that <see cref="NftScript"/> does not write.</exception>
    public static RedirectPlan Read(JsonNode listing)
    {
        try
        {
            var items = listing["nftables"]!.AsArray().OfType<JsonObject>().ToList();
            var sets = items.Select(i => i["set"] ?? i["map"]).OfType<JsonNode>().ToDictionary(s => (string)s["name"]!, s => s["elem"] as JsonArray ?? []);
            var rules = items.Select(i => i["rule"]).OfType<JsonNode>().Where(r => (string?)r["chain"] == "output").Select(r => r["expr"]!.AsArray()).ToList();
            return new RedirectPlan
            {
                OutboundPort = RedirectPort(rules, aboutNames: false) ?? throw new FormatException("no rule redirects connections"),
                Names = RedirectPort(rules, aboutNames: true) is { } port ? new NameRedirect(port, [.. Addresses(sets, "nameservers4"), .. Addresses(sets, "nameservers6")]) : null,
                ExcludedMark = rules.Select(Mark).FirstOrDefault(m => m is not null),
                ExcludedUsers = [.. Elements(sets, "users").Select(e => e!.GetValue<uint>())],
                ExcludedGroups = [.. Elements(sets, "groups").Select(e => e!.GetValue<uint>())],
                ExcludedPorts = [.. Elements(sets, "ports").Select(e => e!.GetValue<int>())],
                ExcludedRanges = AddressRanges.Distinct(Elements(sets, "ranges4").Concat(Elements(sets, "ranges6")).Select(e => Range(e!))),
                Inbound = Elements(sets, "inbound").ToImmutableSortedDictionary(e => e![0]!.GetValue<int>(), e => e![1]!.GetValue<int>()),
            };
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            throw new CliException($"the table inet {NftScript.Table} holds rules that are not Weft's ({e.Message}); `nft list table inet {NftScript.Table}` shows them");
        }
    }

    private static IEnumerable<JsonNode?> Elements(Dictionary<string, JsonArray> sets, string name) => sets.GetValueOrDefault(name) ?? [];

    private static IEnumerable<IPAddress> Addresses(Dictionary<string, JsonArray> sets, string name) =>
        Elements(sets, name).Select(e => IPAddress.Parse((string)e!));

    private static IPNetwork Range(JsonNode element)
    {
        var text = element is JsonObject interval ? string.Create(CultureInfo.InvariantCulture, $"{interval["prefix"]!["addr"]}/{interval["prefix"]!["len"]}") : element.ToString();
        return AddressRanges.TryParse(text, out var range, out var error) ? range : throw new FormatException(error);
    }

    /// <summary>The port that a rule of the output chain leads to: the one about port 53, or the last one about everything else.</summary>
    private static int? RedirectPort(List<JsonArray> rules, bool aboutNames) =>
        rules.Where(r => r.Any(e => Right(e, "dport")?.ToString() == "53") == aboutNames)
            .Select(r => (int?)r.Select(e => e?["redirect"]?["port"]).FirstOrDefault(p => p is not null)).FirstOrDefault(p => p is not null);

    private static uint? Mark(JsonArray rule) => rule.Select(e => (string?)e?["match"]?["left"]?["meta"]?["key"] == "mark" ? (uint?)e["match"]!["right"] : null).FirstOrDefault(m => m is not null);

    /// <summary>What a match compares the field of a protocol's header with.</summary>
    private static JsonNode? Right(JsonNode? expression, string field) =>
        (string?)expression?["match"]?["left"]?["payload"]?["field"] == field ? expression["match"]!["right"] : null;
}
