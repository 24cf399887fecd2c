using System.Text.RegularExpressions;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Architecture.Tests;

/// <summary>Holds docs/reference/metrics.md against the names of metrics in the sources.</summary>
public sealed partial class MetricNamesTests
{
    [Fact]
    public void Every_metric_is_documented_and_none_that_there_is_not()
    {
        var root = Tool.RepositoryRoot();
        var page = File.ReadAllText(Path.Combine(root, "docs/reference/metrics.md"));
        var documented = Documented().Matches(page).Select(m => m.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        var written = Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Literal().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value)).ToHashSet(StringComparer.Ordinal);
        written.Count.ShouldBeGreaterThan(40);

        // A literal that ends in '_' is the beginning of several names.
        bool Names(string literal, string name) => literal == name || (literal.EndsWith('_') && name.StartsWith(literal, StringComparison.Ordinal));
        written.Where(w => !documented.Any(d => Names(w, d))).ShouldBeEmpty("metrics that docs/reference/metrics.md does not have");
        documented.Where(d => !written.Any(w => Names(w, d))).ShouldBeEmpty("metrics in docs/reference/metrics.md that no code writes");
    }

    [GeneratedRegex("`(weft_[a-z0-9_]+)`")]
    private static partial Regex Documented();

    [GeneratedRegex("\"(weft_[a-z0-9_]+)")]
    private static partial Regex Literal();
}
