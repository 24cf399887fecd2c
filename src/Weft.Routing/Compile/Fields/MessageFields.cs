using System.Collections.Frozen;

namespace Weft.Routing.Compile.Fields;

/// <summary>What becomes of a field that is set.</summary>
public enum FieldList : byte
{
    /// <summary>It does what its documentation says; values that it cannot take are refused by the compiler.</summary>
    Honoured,

    /// <summary>Ignored: without it, requests are treated as the writer asked (statistics, hints, settings of protocols that are not spoken).</summary>
    Harmless,

    /// <summary>The resource is refused and the field named: ignoring it would quietly do something else than was asked.</summary>
    Refused,
}

/// <summary>One field of a message that Weft understands.</summary>
/// <param name="Number">The field's number.</param>
/// <param name="Name">The field's proto name.</param>
/// <param name="List">On which list it stands.</param>
/// <param name="Repeated">Its occurrences are numbered in paths.</param>
/// <param name="Child">Full name of the message whose own lists apply to the field's content; <see cref="MessageFields.Any"/> follows the type URL;
/// empty stops here.</param>
public sealed record FieldRule(int Number, string Name, FieldList List, bool Repeated, string Child);

/// <summary>The three lists of one message. Every field stands on exactly one; a test holds them against the descriptors.</summary>
public sealed class MessageFields
{
    /// <summary>As a child: the content is a google.protobuf.Any.</summary>
    public const string Any = "Any";

    private readonly FrozenDictionary<int, FieldRule> _rules;

    /// <param name="fullName">The message's full proto name.</param>
    /// <param name="honoured">Entries <c>name=number</c>, <c>name=number[]</c> when repeated, <c>name=number:Child</c> when the child's own lists apply,
    /// separated by white space. A child without a package is of the same package.</param>
    /// <param name="harmless">Entries <c>name=number</c>.</param>
    /// <param name="refused">Entries <c>name=number</c>.</param>
    internal MessageFields(string fullName, string honoured = "", string harmless = "", string refused = "")
    {
        FullName = fullName;
        // Package names are lower case, message names are not.
        var segments = fullName.Split('.');
        var package = string.Join('.', segments.TakeWhile(s => !char.IsAsciiLetterUpper(s[0])));
        _rules = Parse(honoured, FieldList.Honoured, package)
            .Concat(Parse(harmless, FieldList.Harmless, package))
            .Concat(Parse(refused, FieldList.Refused, package))
            .ToFrozenDictionary(r => r.Number);
    }

    public string FullName { get; }

    public IReadOnlyCollection<FieldRule> Rules => _rules.Values;

    /// <summary>Null for a number that this build does not know.</summary>
    public FieldRule? Find(int number) => _rules.GetValueOrDefault(number);

    private static IEnumerable<FieldRule> Parse(string entries, FieldList list, string package)
    {
        foreach (var entry in entries.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, rest) = Split(entry, '=');
            var (number, child) = Split(rest, ':');
            var repeated = number.EndsWith("[]", StringComparison.Ordinal);
            var full = child.Length == 0 || child == Any || child.StartsWith("envoy.", StringComparison.Ordinal) ? child : $"{package}.{child}";
            yield return new FieldRule(int.Parse(repeated ? number[..^2] : number), name, list, repeated, full);
        }
    }

    private static (string Before, string After) Split(string text, char at)
    {
        var index = text.IndexOf(at);
        return index < 0 ? (text, "") : (text[..index], text[(index + 1)..]);
    }
}
