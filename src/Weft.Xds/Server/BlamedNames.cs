namespace Weft.Xds;

/// <summary>A NACK refuses a response, but what it means is in its message: the resources that are named there were refused and the others
/// applied (xDS protocol, "Partial acceptance"). A message that names none of them blames all.</summary>
internal static class BlamedNames
{
    public static IReadOnlySet<string> In(string message, IEnumerable<string> sent)
    {
        var all = sent.ToHashSet(StringComparer.Ordinal);
        var named = all.Where(name => Mentions(message, name)).ToHashSet(StringComparer.Ordinal);
        return named.Count > 0 ? named : all;
    }

    /// <summary>Whole names only: <c>log.default:80</c> is not mentioned by <c>catalog.default:80</c>.</summary>
    private static bool Mentions(string message, string name)
    {
        for (var at = message.IndexOf(name, StringComparison.Ordinal); at >= 0 && name.Length > 0; at = message.IndexOf(name, at + 1, StringComparison.Ordinal))
        {
            var end = at + name.Length;
            var begins = at == 0 || !(IsNameCharacter(message[at - 1]) || message[at - 1] == '.');
            // A full stop or a colon after the name is punctuation unless the name could go on after it.
            var ends = end == message.Length || !(IsNameCharacter(message[end]) || (message[end] is '.' or ':' && end + 1 < message.Length && IsNameCharacter(message[end + 1])));
            if (begins && ends) return true;
        }
        return false;
    }

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_';
}
