using System.Collections.Frozen;

namespace Weft.Routing.Compile.Fields;

/// <summary>The three lists of one message. Every field stands on exactly one; a test holds them against the descriptors.</summary>
public sealed class MessageFields
{
    private readonly FrozenDictionary<int, FieldRule> _rules;

    /// <param name="fullName">The message's full proto name.</param>
    /// <param name="honoured">Entries as <see cref="FieldRule.Parse"/> reads them, separated by white space.</param>
    /// <param name="harmless">The same, without types.</param>
    /// <param name="refused">The same, without types.</param>
    internal MessageFields(string fullName, string honoured = "", string harmless = "", string refused = "")
    {
        FullName = fullName;
        // Package names are lower case, message names are not.
        var package = string.Join('.', fullName.Split('.').TakeWhile(s => !char.IsAsciiLetterUpper(s[0])));
        _rules = Parse(honoured, FieldList.Honoured, package)
            .Concat(Parse(harmless, FieldList.Harmless, package))
            .Concat(Parse(refused, FieldList.Refused, package))
            .ToFrozenDictionary(r => r.Number);
    }

    public string FullName { get; }

    public IReadOnlyCollection<FieldRule> Rules => _rules.Values;

    /// <summary>Null for a number that this build does not know.</summary>
    public FieldRule? Find(int number) => _rules.GetValueOrDefault(number);

    /// <summary>By proto name or JSON name; null for a name that this build does not know.</summary>
    public FieldRule? Find(string name)
    {
        foreach (var rule in _rules.Values)
        {
            if (rule.Name == name) return rule;
        }
        foreach (var rule in _rules.Values)
        {
            if (rule.JsonName == name) return rule;
        }
        return null;
    }

    private static IEnumerable<FieldRule> Parse(string entries, FieldList list, string package) =>
        entries.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(e => FieldRule.Parse(e, list, package));
}
