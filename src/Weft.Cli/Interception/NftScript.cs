using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Weft.Cli.Interception;

/// <summary>
/// A plan as one transaction for <c>nft -f -</c>. Everything lives in the table <c>inet weft</c>, so that to replace is atomic and to remove is one word; values stand in named sets,
/// which is how <see cref="NftListing"/> reads them back. Equal plans give equal scripts.
/// </summary>
public static class NftScript
{
    public const string Table = "weft";

    /// <summary>Removes the table. Adding it first makes the same words right whether it is there or not.</summary>
    public const string Remove = $"table inet {Table}\ndelete table inet {Table}\n";

    /// <summary>Before the -100 (NF_IP_PRI_NAT_DST) of container engines: of two chains that would translate a connection the first one does, and at the same
    /// number that would be whichever was loaded first.</summary>
    private const int Priority = -105;

    /// <summary>Puts the plan in the place of whatever stands in the table.</summary>
    public static string Install(RedirectPlan plan)
    {
        var text = new StringBuilder(Remove).Append(CultureInfo.InvariantCulture, $"table inet {Table} {{\n");
        Sets(text, plan);
        Chain(text, "output", Output(plan));
        if (plan.Inbound.Count > 0) Chain(text, "prerouting", ["meta l4proto tcp fib daddr type local redirect to :tcp dport map @inbound"]);
        return text.Append("}\n").ToString();
    }

    private static void Sets(StringBuilder text, RedirectPlan plan)
    {
        Set(text, "set users", "uid", plan.ExcludedUsers);
        Set(text, "set groups", "gid", plan.ExcludedGroups);
        Set(text, "set ports", "inet_service", plan.ExcludedPorts);
        foreach (var (family, digit) in Families)
        {
            Set(text, $"set nameservers{digit}", $"ipv{digit}_addr", plan.NameServersOf(family) ?? []);
            Set(text, $"set ranges{digit}", $"ipv{digit}_addr; flags interval", plan.RangesOf(family).Select(AddressRanges.Text));
        }
        Set(text, "map inbound", "inet_service : inet_service", plan.Inbound.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Key} : {p.Value}")));
    }

    private static void Set<T>(StringBuilder text, string name, string type, IEnumerable<T> elements)
    {
        var list = string.Join(", ", elements);
        if (list.Length > 0) text.Append(CultureInfo.InvariantCulture, $"  {name} {{ type {type}; elements = {{ {list} }} }}\n");
    }

    private static IEnumerable<string> Output(RedirectPlan plan)
    {
        // First of all what the proxy itself sends: it must pass every rule below.
        if (plan.ExcludedMark is { } mark) yield return string.Create(CultureInfo.InvariantCulture, $"meta mark 0x{mark:x8} return");
        if (plan.ExcludedUsers.Count > 0) yield return "meta skuid @users return";
        if (plan.ExcludedGroups.Count > 0) yield return "meta skgid @groups return";

        // Before loopback: the name server may be there.
        if (plan.Names is { } names)
        {
            foreach (var protocol in (string[])["udp", "tcp"])
            {
                if (names.Servers.IsEmpty)
                {
                    yield return $"{protocol} dport 53 redirect to :{names.Port}";
                    continue;
                }
                foreach (var (family, digit) in Families)
                {
                    if (plan.NameServersOf(family) is { Count: > 0 })
                        yield return $"{Ip(family)} daddr @nameservers{digit} {protocol} dport 53 redirect to :{names.Port}";
                }
            }
        }
        yield return "ip daddr 127.0.0.0/8 return";
        yield return "ip6 daddr ::1 return";
        if (plan.ExcludedPorts.Count > 0) yield return "tcp dport @ports return";
        foreach (var (family, digit) in Families)
        {
            if (plan.RangesOf(family).Any()) yield return $"{Ip(family)} daddr @ranges{digit} return";
        }
        yield return $"meta l4proto tcp redirect to :{plan.OutboundPort}";
    }

    private static void Chain(StringBuilder text, string hook, IEnumerable<string> rules)
    {
        text.Append(CultureInfo.InvariantCulture, $"  chain {hook} {{\n    type nat hook {hook} priority {Priority}; policy accept;\n");
        foreach (var rule in rules) text.Append("    ").Append(rule).Append('\n');
        text.Append("  }\n");
    }

    private static readonly (AddressFamily, char)[] Families = [(AddressFamily.InterNetwork, '4'), (AddressFamily.InterNetworkV6, '6')];

    private static string Ip(AddressFamily family) => family == AddressFamily.InterNetwork ? "ip" : "ip6";
}
