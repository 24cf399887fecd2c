using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Weft.Routing.Matching;

/// <summary>
/// An RE2 pattern that must match a whole value (envoy.type.matcher.v3.RegexMatcher). .NET's non-backtracking engine gives RE2's guarantee,
/// time linear in the value, and lacks the same things RE2 lacks (lookaround, back references).
/// </summary>
public sealed class RegexMatcher
{
    private const int StackChars = 512;

    private readonly Regex _regex;

    private RegexMatcher(string pattern, Regex regex) => (Pattern, _regex) = (pattern, regex);

    /// <summary>As configured.</summary>
    public string Pattern { get; }

    /// <exception cref="ArgumentException">The pattern is not one that RE2 would take; the message says where.</exception>
    public static RegexMatcher Create(string pattern)
    {
        try
        {
            var regex = new Regex($@"\A(?:{Re2Syntax.ToDotNet(pattern)})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return new RegexMatcher(pattern, regex);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException($"not in RE2's syntax: {e.Message}", nameof(pattern), e);
        }
    }

    /// <summary>True when all of <paramref name="value"/> (UTF-8) matches. Allocates nothing once the engine has seen similar values.</summary>
    public bool Matches(ReadOnlySpan<byte> value)
    {
        if (value.Length <= StackChars)
        {
            Span<char> chars = stackalloc char[StackChars];
            return _regex.IsMatch(chars[..Encoding.UTF8.GetChars(value, chars)]);
        }
        var rented = ArrayPool<char>.Shared.Rent(value.Length); // UTF-8 never has more characters than bytes
        try
        {
            return _regex.IsMatch(rented.AsSpan(0, Encoding.UTF8.GetChars(value, rented)));
        }
        finally
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }
}
