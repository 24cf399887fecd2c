using System.Net.Sockets;

namespace Weft.Cli.Interception;

/// <summary>How much of what is redirected to a port finds somebody there.</summary>
public enum Listens
{
    Yes,

    /// <summary>IPv6 is refused; programs go on with the other address by themselves.</summary>
    IPv4Only,

    /// <summary>What comes from another machine is refused.</summary>
    LoopbackOnly,

    No,
}

/// <summary>One port that a plan leads to, and whether somebody is there.</summary>
/// <param name="Direction"><c>outbound</c>, <c>names</c> or <c>inbound</c>.</param>
/// <param name="Traffic">What goes there, for a person.</param>
public sealed record RedirectTarget(string Direction, string Traffic, int Port, Listens Listens)
{
    /// <summary>True when connections that have no other way are taken.</summary>
    public bool IsServed => Listens is Listens.Yes or Listens.IPv4Only;

    /// <summary>The sentence about what is refused; null when nothing is.</summary>
    public string? Warning => Listens switch
    {
        Listens.Yes => null,
        Listens.IPv4Only => $"port {Port} ({Direction}: {Traffic}) takes IPv4 only: IPv6 is refused",
        Listens.LoopbackOnly => $"port {Port} ({Direction}: {Traffic}) listens on loopback only: what comes from elsewhere is refused",
        _ => $"nothing listens on port {Port} ({Direction}: {Traffic}): it is refused",
    };

    /// <summary>The ports of a plan in the order of their meaning.</summary>
    public static IReadOnlyList<RedirectTarget> Of(RedirectPlan plan, IReadOnlyList<ListeningSocket> listening)
    {
        var targets = new List<RedirectTarget> { new("outbound", "tcp to any address", plan.OutboundPort, Local(plan.OutboundPort, isUdp: false)) };
        if (plan.Names is { } names)
        {
            var servers = names.Servers.IsEmpty ? "any address" : string.Join(", ", names.Servers);
            var (udp, tcp) = (Local(names.Port, isUdp: true), Local(names.Port, isUdp: false));
            targets.Add(new RedirectTarget("names", $"udp and tcp port 53 of {servers}", names.Port, udp > tcp ? udp : tcp));
        }
        foreach (var (application, sidecar) in plan.Inbound) targets.Add(new RedirectTarget("inbound", $"tcp to port {application}", sidecar, Foreign(sidecar)));
        return targets;

        Listens Local(int port, bool isUdp)
        {
            var here = listening.Where(s => s.Port == port && s.IsUdp == isUdp).ToList();
            if (!here.Exists(s => s.TakesLocal(AddressFamily.InterNetwork))) return Listens.No;
            return here.Exists(s => s.TakesLocal(AddressFamily.InterNetworkV6)) ? Listens.Yes : Listens.IPv4Only;
        }

        Listens Foreign(int port)
        {
            var here = listening.Where(s => s.Port == port && !s.IsUdp).ToList();
            return here.Exists(s => s.TakesForeign) ? Listens.Yes : here.Count > 0 ? Listens.LoopbackOnly : Listens.No;
        }
    }
}
