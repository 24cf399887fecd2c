using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Weft.Cli.Interception;

/// <summary>Where questions of the domain name system go.</summary>
/// <param name="Port">Port of the proxy that answers, UDP and TCP.</param>
/// <param name="Servers">Only what is sent to port 53 of these is redirected; empty for whatever is sent to port 53. A resolver of the machine (systemd-resolved at 127.0.0.53) asks
/// servers of its own: to redirect those too would lead the proxy's questions, which it answers, back to the proxy.</param>
public sealed record NameRedirect(int Port, ImmutableArray<IPAddress> Servers)
{
    /// <summary>Whatever is sent to port 53, loopback included.</summary>
    public static NameRedirect Everything(int port) => new(port, []);
}

/// <summary>
/// Which connections of a network namespace go to the proxy instead: a value, from which rules are written and into which they are read back. What is made in the namespace goes to
/// <see cref="OutboundPort"/> but for loopback destinations and what is excluded; what comes to a port of <see cref="Inbound"/> goes to the sidecar's port for it. The proxy finds the
/// original destination with SO_ORIGINAL_DST.
/// </summary>
public sealed record RedirectPlan
{
    public const int DefaultOutboundPort = 15001;
    public const int DefaultNamesPort = 15053;

    /// <summary>Where the proxy takes the TCP connections that are made here. Default 15001.</summary>
    public int OutboundPort { get; init; } = DefaultOutboundPort;

    /// <summary>Application port to the sidecar's port that takes its connections. Default none.</summary>
    public ImmutableSortedDictionary<int, int> Inbound { get; init; } = ImmutableSortedDictionary<int, int>.Empty;

    /// <summary>Null: questions of the domain name system go where they are sent.</summary>
    public NameRedirect? Names { get; init; }

    /// <summary>Users whose connections are left alone: the proxy's own.</summary>
    public ImmutableSortedSet<uint> ExcludedUsers { get; init; } = [];

    /// <summary>Groups whose connections are left alone.</summary>
    public ImmutableSortedSet<uint> ExcludedGroups { get; init; } = [];

    /// <summary>Packets with this mark (SO_MARK, 1 to 2^32-1) are left alone.</summary>
    public uint? ExcludedMark { get; init; }

    /// <summary>Destination ports that are left alone.</summary>
    public ImmutableSortedSet<int> ExcludedPorts { get; init; } = [];

    /// <summary>Destination ranges that are left alone. In order and without those that lie in another: <see cref="AddressRanges.Distinct"/>.</summary>
    public ImmutableArray<IPNetwork> ExcludedRanges { get; init; } = [];

    /// <summary>True when a rule tells the proxy's own connections from the application's. Without one the proxy must be in another network namespace:
    /// here its connections would come back to it for ever.</summary>
    public bool ExcludesProxy => ExcludedUsers.Count > 0 || ExcludedGroups.Count > 0 || ExcludedMark is not null;

    /// <summary>The excluded ranges of one family.</summary>
    public IEnumerable<IPNetwork> RangesOf(AddressFamily family) => ExcludedRanges.Where(r => r.BaseAddress.AddressFamily == family);

    /// <summary>The name servers of one family whose questions are redirected; null when the questions to all are.</summary>
    public IReadOnlyList<IPAddress>? NameServersOf(AddressFamily family) =>
        Names is { Servers.IsEmpty: false } names ? [.. names.Servers.Where(s => s.AddressFamily == family).OrderBy(s => s.ToString(), StringComparer.Ordinal)] : null;

    /// <summary>What contradicts itself, one sentence each; empty for a plan that can be installed.</summary>
    public IEnumerable<string> Contradictions()
    {
        var targets = new SortedSet<int>(Inbound.Values) { OutboundPort };
        if (Names is { } names && !targets.Add(names.Port)) yield return $"port {names.Port} cannot take both questions of the domain name system and connections";
        if (Inbound.ContainsValue(OutboundPort)) yield return $"port {OutboundPort} cannot take both the connections that are made here and those that come here";
        foreach (var (application, sidecar) in Inbound)
        {
            if (application == sidecar) yield return $"inbound {application}:{sidecar} leads a port to itself";
            else if (targets.Contains(application)) yield return $"inbound {application}:{sidecar}: {application} is a port of the proxy, not of an application";
        }
        if (Names is not null && ExcludedPorts.Contains(53)) yield return "port 53 is excluded and redirected: leave out one of them";
        if (ExcludedMark == 0) yield return "mark 0 is every packet's that has none: nothing would be redirected";
    }
}
