using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace Weft.Cli.Interception;

/// <summary>What stands in the table <c>nat</c> of one family, from the text of <c>iptables-save</c> or <c>ip6tables-save</c>.</summary>
public sealed class IptablesListing
{
    private readonly HashSet<string> _lines;
    private readonly List<Rule> _rules;

    private IptablesListing(IEnumerable<string> lines)
    {
        _lines = [.. lines];
        _rules = [.. _lines.Where(l => l.StartsWith("-A WEFT_", StringComparison.Ordinal)).Select(l => new Rule(l))];
    }

    /// <param name="saved">The whole text; other tables are skipped.</param>
    public static IptablesListing Read(string saved) =>
        new(saved.Split('\n').SkipWhile(l => l != "*nat").TakeWhile(l => l != "COMMIT").Select(l => l.TrimEnd()));

    /// <summary>True when that chain of ours is there.</summary>
    public bool Has(string chain) => _lines.Any(l => l.StartsWith($":{chain} ", StringComparison.Ordinal));

    /// <summary>True when the table's chain leads to ours.</summary>
    public bool Jumps(string hook) => _lines.Contains($"-A {hook} -j WEFT_{hook}");

    public bool IsEmpty => !IptablesScript.Chains.Any(c => Has(c.Chain) || Jumps(c.Hook));

    /// <summary>The plan that the two families' rules carry out together; null when there is none.</summary>
    /// <exception cref="CliException">The chains hold rules that <see cref="IptablesScript"/> does not write.</exception>
    public static RedirectPlan? Plan(IptablesListing four, IptablesListing six)
    {
        var rules = four._rules.Concat(six._rules).ToList();
        if (rules.Count == 0) return null;
        try
        {
            var output = rules.Where(r => r.Chain == IptablesScript.Output).ToList();
            var kept = output.Where(r => r.Target == "RETURN").ToList();
            var names = output.Where(r => r.Target == "REDIRECT" && r.Has("--dport")).ToList();
            return new RedirectPlan
            {
                OutboundPort = output.First(r => r.Target == "REDIRECT" && !r.Has("--dport")).Number("--to-ports"),
                Names = names.Count == 0 ? null : new NameRedirect(names[0].Number("--to-ports"), [.. names.Where(r => r.Has("-d")).Select(r => r.Range.BaseAddress).Distinct()]),
                ExcludedMark = kept.Where(r => r.Has("--mark")).Select(r => (uint?)Convert.ToUInt32(r["--mark"], 16)).FirstOrDefault(),
                ExcludedUsers = [.. kept.Where(r => r.Has("--uid-owner")).Select(r => uint.Parse(r["--uid-owner"], CultureInfo.InvariantCulture))],
                ExcludedGroups = [.. kept.Where(r => r.Has("--gid-owner")).Select(r => uint.Parse(r["--gid-owner"], CultureInfo.InvariantCulture))],
                ExcludedPorts = [.. kept.Where(r => r.Has("--dport")).Select(r => r.Number("--dport"))],
                ExcludedRanges = AddressRanges.Distinct(kept.Where(r => r.Has("-d")).Select(r => r.Range).Where(r => !IPAddress.IsLoopback(r.BaseAddress))),
                Inbound = rules.Where(r => r.Chain == IptablesScript.Prerouting).Select(r => KeyValuePair.Create(r.Number("--dport"), r.Number("--to-ports"))).Distinct().ToImmutableSortedDictionary(),
            };
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new CliException($"the chains {IptablesScript.Output} and {IptablesScript.Prerouting} hold rules that are not Weft's ({e.Message}); `iptables-save -t nat` shows them");
        }
    }

    /// <summary>One line <c>-A CHAIN -OPTION VALUE ...</c>; every option that we write has one value.</summary>
    private sealed class Rule
    {
        private readonly Dictionary<string, string> _options = [];

        public Rule(string line)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Chain = words[1];
            for (var i = 2; i + 1 < words.Length; i += 2) _options[words[i]] = words[i + 1];
        }

        public string Chain { get; }

        public string Target => _options.GetValueOrDefault("-j", "");

        public string this[string option] => _options[option];

        public bool Has(string option) => _options.ContainsKey(option);

        public int Number(string option) => int.Parse(_options[option], CultureInfo.InvariantCulture);

        public IPNetwork Range => AddressRanges.TryParse(_options["-d"], out var range, out var error) ? range : throw new FormatException(error);
    }
}
