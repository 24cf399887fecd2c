using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Weft.Cli.Interception;

/// <summary>The rules of one network namespace that redirect, by one of the kernel's two interfaces.</summary>
public interface IRedirectRules
{
    /// <summary>How a person names the interface and where the rules stand in it.</summary>
    string Where { get; }

    /// <summary>The plan that is installed; null for none.</summary>
    Task<RedirectPlan?> FindAsync();

    /// <summary>Puts it in the place of what is installed, in one transaction.</summary>
    Task InstallAsync(RedirectPlan plan);

    /// <summary>Leaves nothing of ours. False when there was nothing.</summary>
    Task<bool> RemoveAsync();
}

/// <summary>Chooses between them.</summary>
public static class RedirectRules
{
    /// <summary>Those that this machine has the programs for, the preferred one first.</summary>
    /// <param name="tool"><c>nft</c>, <c>iptables</c>, or null for either.</param>
    /// <exception cref="CliException">There is none.</exception>
    public static IReadOnlyList<IRedirectRules> Available(NetworkNamespace place, string? tool, Func<string, string?> environment)
    {
        var found = new List<IRedirectRules>();
        if (tool is null or "nft" && RuleTool.Find("nft", environment) is { } nft) found.Add(new NftRules(nft, place));
        if (tool is null or "iptables" && IptablesRules.Find(place, environment) is { } iptables) found.Add(iptables);
        return found.Count > 0 ? found : throw new CliException($"{tool ?? "neither nft nor iptables"} is {(tool is null ? "" : "not ")}there: apt-get install {(tool == "iptables" ? "iptables" : "nftables")}");
    }
}

/// <summary>By nftables.</summary>
public sealed class NftRules(RuleTool nft, NetworkNamespace place) : IRedirectRules
{
    public string Where => $"nftables, table inet {NftScript.Table}";

    public async Task<RedirectPlan?> FindAsync() =>
        await IsThereAsync() ? NftListing.Read(JsonNode.Parse(await nft.RunAsync(place, ["-j", "list", "table", "inet", NftScript.Table]))!) : null;

    public Task InstallAsync(RedirectPlan plan) => nft.RunAsync(place, ["-f", "-"], NftScript.Install(plan));

    public async Task<bool> RemoveAsync()
    {
        if (!await IsThereAsync()) return false;
        await nft.RunAsync(place, ["-f", "-"], NftScript.Remove);
        return true;
    }

    private async Task<bool> IsThereAsync() => (await nft.RunAsync(place, ["list", "tables"])).Split('\n').Contains($"table inet {NftScript.Table}");
}

/// <summary>By iptables and ip6tables.</summary>
public sealed class IptablesRules : IRedirectRules
{
    private readonly NetworkNamespace _place;
    private readonly List<(AddressFamily Family, RuleTool Save, RuleTool Restore)> _families;

    private IptablesRules(NetworkNamespace place, List<(AddressFamily, RuleTool, RuleTool)> families) => (_place, _families) = (place, families);

    public string Where => $"iptables, chains {IptablesScript.Output} and {IptablesScript.Prerouting}";

    /// <summary>Null where the programs are not. A kernel without IPv6 needs none for it.</summary>
    public static IptablesRules? Find(NetworkNamespace place, Func<string, string?> environment)
    {
        var families = new List<(AddressFamily, RuleTool, RuleTool)>();
        foreach (var (family, name) in ((AddressFamily, string)[])[(AddressFamily.InterNetwork, "iptables"), (AddressFamily.InterNetworkV6, "ip6tables")])
        {
            if (family == AddressFamily.InterNetworkV6 && !File.Exists("/proc/net/if_inet6")) continue;
            if (RuleTool.Find($"{name}-save", environment) is not { } save || RuleTool.Find($"{name}-restore", environment) is not { } restore) return null;
            families.Add((family, save, restore));
        }
        return new IptablesRules(place, families);
    }

    public async Task<RedirectPlan?> FindAsync()
    {
        var listings = await ListAsync();
        return IptablesListing.Plan(listings[0], listings.Count > 1 ? listings[1] : IptablesListing.Read(""));
    }

    /// <summary>Each family is a transaction of its own. When the second fails the first is taken back: half a mesh is harder to see than none.</summary>
    public async Task InstallAsync(RedirectPlan plan)
    {
        var listings = await ListAsync();
        try
        {
            foreach (var ((family, _, restore), present) in _families.Zip(listings))
                await restore.RunAsync(_place, ["--noflush"], IptablesScript.Install(plan, family, present));
        }
        catch (CliException)
        {
            await RemoveAsync();
            throw;
        }
    }

    public async Task<bool> RemoveAsync()
    {
        var listings = await ListAsync();
        foreach (var ((_, _, restore), present) in _families.Zip(listings))
        {
            if (!present.IsEmpty) await restore.RunAsync(_place, ["--noflush"], IptablesScript.Remove(present));
        }
        return listings.Exists(l => !l.IsEmpty);
    }

    /// <summary>Without <c>-t nat</c>: asking for a table makes the kernel load it.</summary>
    private async Task<List<IptablesListing>> ListAsync()
    {
        var listings = new List<IptablesListing>();
        foreach (var (_, save, _) in _families) listings.Add(IptablesListing.Read(await save.RunAsync(_place, [])));
        return listings;
    }
}
