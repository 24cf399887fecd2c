using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Weft.Cli.Interception;

/// <summary>
/// A plan as text for <c>iptables-restore --noflush</c> or <c>ip6tables-restore --noflush</c>, for machines that have no nft: chains of our own, and one jump to each. Each text is one transaction of
/// its family. With <c>--noflush</c> the line that declares a chain of ours empties that one alone.
/// </summary>
public static class IptablesScript
{
    public const string Output = "WEFT_OUTPUT";
    public const string Prerouting = "WEFT_PREROUTING";

    /// <summary>Our chains and the chains of the table that jump to them.</summary>
    public static IReadOnlyList<(string Hook, string Chain)> Chains { get; } = [("OUTPUT", Output), ("PREROUTING", Prerouting)];

    /// <summary>Puts the plan in the place of what our chains hold.</summary>
    /// <param name="family">InterNetwork or InterNetworkV6.</param>
    /// <param name="present">What stands there now.</param>
    public static string Install(RedirectPlan plan, AddressFamily family, IptablesListing present)
    {
        var text = new StringBuilder("*nat\n");
        foreach (var (hook, chain) in Chains)
        {
            text.Append(CultureInfo.InvariantCulture, $":{chain} - [0:0]\n");
            if (!present.Jumps(hook)) text.Append(CultureInfo.InvariantCulture, $"-I {hook} 1 -j {chain}\n");
        }
        foreach (var rule in Rules(plan, family)) text.Append("-A ").Append(rule).Append('\n');
        return text.Append("COMMIT\n").ToString();
    }

    /// <summary>Removes our chains and the jumps to them; nothing else is named.</summary>
    public static string Remove(IptablesListing present)
    {
        var text = new StringBuilder("*nat\n");
        foreach (var (hook, chain) in Chains)
        {
            if (present.Jumps(hook)) text.Append(CultureInfo.InvariantCulture, $"-D {hook} -j {chain}\n");
            if (present.Has(chain)) text.Append(CultureInfo.InvariantCulture, $"-F {chain}\n-X {chain}\n");
        }
        return text.Append("COMMIT\n").ToString();
    }

    /// <summary>The rules of one family in order, as <c>iptables-save</c> prints them after <c>-A</c>.</summary>
    public static IEnumerable<string> Rules(RedirectPlan plan, AddressFamily family)
    {
        // First of all what the proxy itself sends: it must pass every rule below.
        if (plan.ExcludedMark is { } mark) yield return $"{Output} -m mark --mark 0x{mark:x} -j RETURN";
        foreach (var user in plan.ExcludedUsers) yield return $"{Output} -m owner --uid-owner {user} -j RETURN";
        foreach (var group in plan.ExcludedGroups) yield return $"{Output} -m owner --gid-owner {group} -j RETURN";

        // Before loopback: the name server may be there.
        var whole = family == AddressFamily.InterNetwork ? 32 : 128;
        if (plan.Names is { } names)
        {
            foreach (var protocol in (string[])["udp", "tcp"])
            {
                var questions = $"-p {protocol} -m {protocol} --dport 53 -j REDIRECT --to-ports {names.Port}";
                if (plan.NameServersOf(family) is not { } servers) yield return $"{Output} {questions}";
                else foreach (var server in servers) yield return $"{Output} -d {server}/{whole} {questions}";
            }
        }
        yield return $"{Output} -d {(family == AddressFamily.InterNetwork ? "127.0.0.0/8" : "::1/128")} -j RETURN";
        foreach (var port in plan.ExcludedPorts) yield return $"{Output} -p tcp -m tcp --dport {port} -j RETURN";
        foreach (var range in plan.RangesOf(family)) yield return $"{Output} -d {range} -j RETURN";
        yield return $"{Output} -p tcp -j REDIRECT --to-ports {plan.OutboundPort}";
        foreach (var (application, sidecar) in plan.Inbound)
            yield return $"{Prerouting} -p tcp -m addrtype --dst-type LOCAL -m tcp --dport {application} -j REDIRECT --to-ports {sidecar}";
    }
}
