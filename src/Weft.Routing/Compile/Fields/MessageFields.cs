namespace Weft.Routing.Compile.Fields;

/// <summary>The three lists of one message. Every field stands on exactly one; a test holds them against the descriptors.</summary>
/// <remarks>A list is read when its message is first met: a bootstrap meets a sixth of them, and a proxy that reads them all starts 20 ms later.</remarks>
public sealed class MessageFields
{
    private readonly Lazy<Dictionary<int, FieldRule>> _rules;

    /// <param name="fullName">The message's full proto name.</param>
    /// <param name="honoured">Entries as <see cref="FieldRule.Parse"/> reads them, separated by white space.</param>
    /// <param name="harmless">The same, without types.</param>
    /// <param name="refused">The same, without types.</param>
    internal MessageFields(string fullName, string honoured = "", string harmless = "", string refused = "")
    {
        FullName = fullName;
        _rules = new Lazy<Dictionary<int, FieldRule>>(() =>
        {
            // Package names are lower case, message names are not.
            var package = string.Join('.', fullName.Split('.').TakeWhile(s => !char.IsAsciiLetterUpper(s[0])));
            return Parse(honoured, FieldList.Honoured, package)
                .Concat(Parse(harmless, FieldList.Harmless, package))
                .Concat(Parse(refused, FieldList.Refused, package))
                .ToDictionary(r => r.Number);
        });
    }

    public string FullName { get; }

    public IReadOnlyCollection<FieldRule> Rules => _rules.Value.Values;

    /// <summary>Null for a number that this build does not know.</summary>
    public FieldRule? Find(int number) => _rules.Value.GetValueOrDefault(number);

    /// <summary>By proto name or JSON name; null for a name that this build does not know.</summary>
    public FieldRule? Find(string name)
    {
        foreach (var rule in _rules.Value.Values)
        {
            if (rule.Name == name) return rule;
        }
        foreach (var rule in _rules.Value.Values)
        {
            if (rule.JsonName == name) return rule;
        }
        return null;
    }

    private static IEnumerable<FieldRule> Parse(string entries, FieldList list, string package) =>
        entries.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(e => FieldRule.Parse(e, list, package));
}
