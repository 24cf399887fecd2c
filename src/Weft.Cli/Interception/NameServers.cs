using System.Net;

namespace Weft.Cli.Interception;

/// <summary>The name servers that programs of a network namespace ask: <c>nameserver</c> lines of resolv.conf(5).</summary>
public static class NameServers
{
    /// <summary>Those of the namespace of that name, where <c>ip netns exec</c> would show it a file of its own, else those of the machine.</summary>
    public static IReadOnlyList<IPAddress> Of(string? netns)
    {
        var own = $"/etc/netns/{netns}/resolv.conf";
        var file = !string.IsNullOrEmpty(netns) && File.Exists(own) ? own : "/etc/resolv.conf";
        return Parse(File.Exists(file) ? File.ReadAllText(file) : "");
    }

    /// <summary>Without a line that names one, resolvers ask 127.0.0.1.</summary>
    internal static IReadOnlyList<IPAddress> Parse(string text)
    {
        var servers = text.Split('\n').Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w is ["nameserver", _, ..]).Select(w => IPAddress.TryParse(w[1], out var address) ? address : null).OfType<IPAddress>().Distinct().ToList();
        return servers.Count > 0 ? servers : [IPAddress.Loopback];
    }
}
