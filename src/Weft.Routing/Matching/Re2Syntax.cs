using System.Text;

namespace Weft.Routing.Matching;

/// <summary>
/// Rewrites the few RE2 spellings that .NET reads otherwise (github.com/google/re2/wiki/Syntax): the Perl classes are ASCII in RE2 and Unicode in .NET,
/// named groups carry a P, <c>\Q…\E</c> quotes, <c>$</c> does not stop before a last newline.
/// </summary>
internal static class Re2Syntax
{
    public static string ToDotNet(string pattern)
    {
        var text = new StringBuilder(pattern.Length + 16);
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            if (c == '\\' && i + 1 < pattern.Length)
            {
                var escaped = pattern[++i];
                if (escaped == 'Q') i = Quote(pattern, i + 1, text);
                else text.Append(Escape(escaped, inClass));
            }
            else if (inClass)
            {
                if (c == '[' && PosixClass(pattern, i) is { } posix)
                {
                    text.Append(posix.DotNet);
                    i += posix.Length - 1;
                    continue;
                }
                // "[" is plain inside an RE2 class; .NET could read "-[" as subtraction.
                text.Append(c == '[' ? @"\[" : c.ToString());
                inClass = c != ']';
            }
            else if (c == '[')
            {
                inClass = true;
                text.Append(c);
                if (i + 1 < pattern.Length && pattern[i + 1] == '^') text.Append(pattern[++i]);
                if (i + 1 < pattern.Length && pattern[i + 1] == ']') { i++; text.Append(@"\]"); } // a leading ] is a member
            }
            else if (c == '$') text.Append(@"\z");
            else if (pattern.AsSpan(i).StartsWith("(?P<")) { text.Append("(?<"); i += 3; }
            else text.Append(c);
        }
        return text.ToString();
    }

    private static string Escape(char c, bool inClass) => (c, inClass) switch
    {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('s', false) => @"[\t\n\f\r ]",
        ('s', true) => @"\t\n\f\r ",
        ('D', false) => "[^0-9]",
        ('W', false) => "[^0-9A-Za-z_]",
        ('S', false) => @"[^\t\n\f\r ]",
        ('D' or 'W' or 'S', true) => throw new ArgumentException($@"\{c} inside [...] is not supported: write the class out"),
        ('C', _) => throw new ArgumentException(@"\C (any byte) is not supported: use ."),
        _ => $@"\{c}",
    };

    private static int Quote(string pattern, int from, StringBuilder text)
    {
        var end = pattern.IndexOf(@"\E", from, StringComparison.Ordinal);
        var literal = end < 0 ? pattern[from..] : pattern[from..end];
        foreach (var c in literal) text.Append(char.IsAsciiLetterOrDigit(c) || c > 127 ? c.ToString() : $@"\x{(int)c:x2}");
        return end < 0 ? pattern.Length : end + 1;
    }

    private static (string DotNet, int Length)? PosixClass(string pattern, int at)
    {
        if (at + 1 >= pattern.Length || pattern[at + 1] != ':') return null;
        var end = pattern.IndexOf(":]", at, StringComparison.Ordinal);
        if (end < 0) return null;
        var name = pattern[(at + 2)..end];
        var set = name switch
        {
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "ascii" => @"\x00-\x7f",
            "blank" => @"\t ",
            "cntrl" => @"\x00-\x1f\x7f",
            "digit" => "0-9",
            "graph" => "!-~",
            "lower" => "a-z",
            "print" => " -~",
            "punct" => @"!-/:-@\[-`{-~",
            "space" => @"\t\n\v\f\r ",
            "upper" => "A-Z",
            "word" => "0-9A-Za-z_",
            "xdigit" => "0-9A-Fa-f",
            _ => throw new ArgumentException($"[:{name}:] is not a character class"),
        };
        return (set, end + 2 - at);
    }
}
