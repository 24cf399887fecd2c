using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Weft.Resources.Documents;

/// <summary>What a plain scalar means: the core schema of YAML 1.2 (section 10.3.2), not the wider guesses of YAML 1.1.</summary>
internal static class YamlScalars
{
    public static ScalarNode Resolve(Position at, string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => new ScalarNode(at, ScalarType.Null, "", Plain: true),
        "true" or "True" or "TRUE" => new ScalarNode(at, ScalarType.Boolean, "true", Plain: true),
        "false" or "False" or "FALSE" => new ScalarNode(at, ScalarType.Boolean, "false", Plain: true),
        _ when Integer.IsMatch(text) => new ScalarNode(at, ScalarType.Integer, DecimalForm(text), Plain: true),
        _ when Float.IsMatch(text) => new ScalarNode(at, ScalarType.Float, JsonForm(text), Plain: true),
        _ => new ScalarNode(at, ScalarType.Text, text, Plain: true),
    };

    /// <summary>True for the numbers that JSON cannot write.</summary>
    public static bool IsInfiniteOrNaN(string text) => NotFinite.IsMatch(text);

    /// <summary>True for text that YAML 1.1 readers take for a boolean or a base-60 number.</summary>
    public static bool IsAmbiguous(string text) => Ambiguous.IsMatch(text);

    private static string DecimalForm(string text) => text switch
    {
        ['0', 'x', .. var hex] => BigInteger.Parse("0" + hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        ['0', 'o', .. var octal] => octal.Aggregate(BigInteger.Zero, (sum, digit) => sum * 8 + (digit - '0')).ToString(CultureInfo.InvariantCulture),
        _ => BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
    };

    private static string JsonForm(string text)
    {
        var value = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        // 1e999 parses to infinity, which JSON cannot write; the range check of the field refuses the largest double as well.
        if (double.IsInfinity(value)) value = Math.CopySign(double.MaxValue, value);
        return value.ToString("R", CultureInfo.InvariantCulture);
    }

    // Digits are bounded: turning them into a number costs the square of their count. Longer ones stay text and fail as text.
    private static readonly Regex Integer = new(@"^([-+]?[0-9]{1,64}|0o[0-7]{1,64}|0x[0-9a-fA-F]{1,64})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static readonly Regex Float = new(@"^[-+]?(\.[0-9]{1,64}|[0-9]{1,64}(\.[0-9]{0,64})?)([eE][-+]?[0-9]{1,9})?$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static readonly Regex NotFinite = new(@"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static readonly Regex Ambiguous = new(@"^(y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+)$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
}
