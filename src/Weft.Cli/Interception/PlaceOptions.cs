using System.CommandLine;

namespace Weft.Cli.Interception;

/// <summary>Where the rules are, and by which program they are reached.</summary>
internal sealed class PlaceOptions
{
    private readonly Option<string?> _netns = new("--netns") { Description = "Network namespace: a name of `ip netns`, or a path as /proc/PID/ns/net (default: the one this command runs in)", HelpName = "PATH|NAME" };
    private readonly Option<string?> _tool = new("--tool") { Description = "Program that writes the rules: nft or iptables (default: nft, and iptables where there is no nft)", HelpName = "nft|iptables" };

    public PlaceOptions() => _tool.AcceptOnlyFromAmong("nft", "iptables");

    public void AddTo(Command command)
    {
        command.Options.Add(_netns);
        command.Options.Add(_tool);
    }

    public string? Name(ParseResult parsed) => parsed.GetValue(_netns);

    /// <exception cref="CliException">There is no such namespace, this process may not change it, or no program is there that could.</exception>
    public (NetworkNamespace Namespace, IReadOnlyList<IRedirectRules> Rules) Find(ParseResult parsed, CliContext cli)
    {
        var place = NetworkNamespace.Find(Name(parsed));
        Capabilities.Require("weft intercept", entersNamespace: place != NetworkNamespace.Own);
        return (place, RedirectRules.Available(place, parsed.GetValue(_tool), cli.Environment));
    }
}
