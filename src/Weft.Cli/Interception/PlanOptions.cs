using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Net;

namespace Weft.Cli.Interception;

/// <summary>The plan, option by option.</summary>
internal sealed class PlanOptions
{
    private readonly Option<string> _outbound = new("--outbound-port") { Description = "Port of the proxy that takes the connections made here", HelpName = "N", DefaultValueFactory = _ => Text(RedirectPlan.DefaultOutboundPort) };
    private readonly Option<string[]> _inbound = new("--inbound") { Description = "Port of an application and the port of its sidecar that takes its connections, as 8080:20001; may be given several times", HelpName = "PORT:PORT" };
    private readonly Option<string> _dns = new("--dns-port") { Description = "Port of the proxy that answers questions of the domain name system, UDP and TCP", HelpName = "N", DefaultValueFactory = _ => Text(RedirectPlan.DefaultNamesPort) };
    private readonly Option<bool> _noDns = new("--no-dns") { Description = "Leave questions of the domain name system alone" };
    private readonly Option<string[]> _nameServers = new("--nameserver") { Description = "Questions to this server are redirected, no others; may be given several times (default: those of resolv.conf)", HelpName = "IP" };
    private readonly Option<string[]> _users = new("--exclude-uid") { Description = "Leave this user's connections alone; may be given several times (default, when no user, group or mark is excluded: the user of the proxy that listens)", HelpName = "N" };
    private readonly Option<string[]> _groups = new("--exclude-gid") { Description = "Leave this group's connections alone; may be given several times", HelpName = "N" };
    private readonly Option<string?> _mark = new("--exclude-mark") { Description = "Leave packets with this mark alone, as 1337 or 0x539", HelpName = "N" };
    private readonly Option<string[]> _ports = new("--exclude-port") { Description = "Leave connections to this port alone; may be given several times", HelpName = "N" };
    private readonly Option<string[]> _ranges = new("--exclude-range") { Description = "Leave connections to these addresses alone, as 10.0.0.0/8 or fd00::/8; may be given several times", HelpName = "CIDR" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_outbound, _inbound, _dns, _noDns, _nameServers, _users, _groups, _mark, _ports, _ranges]) command.Options.Add(option);
    }

    /// <param name="netns">As given, for its resolv.conf.</param>
    /// <exception cref="CliException">A value is wrong, or the plan contradicts itself.</exception>
    public RedirectPlan Read(ParseResult parsed, string? netns)
    {
        var plan = new RedirectPlan
        {
            OutboundPort = Port(parsed.GetValue(_outbound)!, "--outbound-port"),
            Inbound = Inbound(Values(parsed, _inbound)),
            Names = parsed.GetValue(_noDns) ? null : new NameRedirect(Port(parsed.GetValue(_dns)!, "--dns-port"), Servers(Values(parsed, _nameServers), netns)),
            ExcludedUsers = [.. Values(parsed, _users).Select(u => Number(u, "--exclude-uid", "user: `id -u NAME` prints it"))],
            ExcludedGroups = [.. Values(parsed, _groups).Select(g => Number(g, "--exclude-gid", "group: `id -g NAME` prints it"))],
            ExcludedMark = parsed.GetValue(_mark) is { } mark ? Mark(mark) : null,
            ExcludedPorts = [.. Values(parsed, _ports).Select(p => Port(p, "--exclude-port"))],
            ExcludedRanges = AddressRanges.Distinct(Values(parsed, _ranges).Select(Range)),
        };
        return plan.Contradictions().FirstOrDefault() is { } contradiction ? throw Usage(contradiction) : plan;
    }

    private static string[] Values(ParseResult parsed, Option<string[]> option) => parsed.GetValue(option) ?? [];

    private static ImmutableSortedDictionary<int, int> Inbound(IEnumerable<string> pairs)
    {
        var inbound = ImmutableSortedDictionary.CreateBuilder<int, int>();
        foreach (var text in pairs)
        {
            if (text.Split(':') is not [var application, var sidecar]) throw Usage($"--inbound: \"{text}\" is not PORT:PORT, as 8080:20001");
            if (!inbound.TryAdd(Port(application, "--inbound"), Port(sidecar, "--inbound"))) throw Usage($"--inbound: port {application} is given twice");
        }
        return inbound.ToImmutable();
    }

    private static ImmutableArray<IPAddress> Servers(IReadOnlyCollection<string> given, string? netns) => given.Count == 0
        ? [.. NameServers.Of(netns)]
        : [.. given.Select(g => IPAddress.TryParse(g, out var address) ? address : throw Usage($"--nameserver: \"{g}\" is not an IP address")).Distinct()];

    private static IPNetwork Range(string text) => AddressRanges.TryParse(text, out var range, out var error) ? range : throw Usage($"--exclude-range: {error}");

    private static uint Mark(string text) =>
        (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var mark)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out mark)) && mark > 0
            ? mark
            : throw Usage($"--exclude-mark: \"{text}\" is no mark (1 to 0xffffffff)");

    private static uint Number(string text, string option, string what) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < uint.MaxValue ? number : throw Usage($"{option}: \"{text}\" is no number of a {what}");

    private static int Port(string text, string option) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535 ? port : throw Usage($"{option}: \"{text}\" is no port (1 to 65535)");

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private static CliException Usage(string message) => new(message, ExitCode.Usage);
}
