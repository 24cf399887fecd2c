using System.Globalization;
using Weft.Bench.Peers;

namespace Weft.Bench.Results;

/// <summary>What a figure of Weft must reach.</summary>
/// <param name="Metric">Of which measurement.</param>
/// <param name="Against">The peer whose median it is divided by; null where the figure itself counts.</param>
/// <param name="Required">Null where nothing is required and the figure is told for what it is.</param>
/// <param name="Goal">What would be better still.</param>
/// <param name="AtLeast">More is better; else less is.</param>
/// <param name="Of">Whose figure, where it is not "weft".</param>
public sealed record Requirement(string Metric, string? Against, double? Required, double? Goal = null, bool AtLeast = false, string Of = Contender.Weft)
{
    /// <summary>Closer than this to what is required, a ratio is a tie: machines do not measure better.</summary>
    private const double Tie = 0.10;

    public Verdict Judge(IReadOnlyList<Measurement> measurements)
    {
        var own = measurements.FirstOrDefault(m => m.Metric == Metric && m.Peer == Of);
        var other = measurements.FirstOrDefault(m => m.Metric == Metric && m.Peer == Against);
        var figure = Against is null ? $"{Metric}{(Of == Contender.Weft ? "" : $" ({Of})")}, {own?.Unit}" : $"{Metric}, of {Against}";
        if (own is null || (Against is not null && other is null)) return new Verdict(figure.TrimEnd(',', ' '), Text(Required), Text(Goal), "not measured", Required is null ? "" : "unknown");
        var value = own.Median / (other?.Median ?? 1);
        return new Verdict(figure, Text(Required), Text(Goal), value.ToString(Against is null ? "0.###" : "0.00", CultureInfo.InvariantCulture), Outcome(value));
    }

    private string Outcome(double value)
    {
        if (Required is not { } required) return "";
        if (Goal is { } goal && Reaches(value, goal)) return "yes, and the goal";
        if (Reaches(value, required)) return "yes";
        var by = Math.Abs(value / required - 1);
        return Against is not null && by <= Tie ? $"a tie (misses by {by:0%})" : $"**no**: misses by {by:0%}";
    }

    private bool Reaches(double value, double limit) => AtLeast ? value >= limit : value <= limit;

    private string Text(double? limit) => limit is not { } value ? "-" : (AtLeast ? "at least " : "at most ") + value.ToString("0.0##", CultureInfo.InvariantCulture);
}

/// <summary>A requirement beside what was measured, in words.</summary>
public sealed record Verdict(string Figure, string Required, string Goal, string Measured, string Met);
