namespace Weft.Identity;

/// <summary>The pause before the next attempt: doubling, bounded, and with half of it left to chance so that a fleet does not come back in step.</summary>
/// <param name="First">Upper bound of the first pause.</param>
/// <param name="Longest">Upper bound of every pause.</param>
internal readonly record struct Backoff(TimeSpan First, TimeSpan Longest)
{
    /// <param name="failures">Failed attempts in a row, from 1.</param>
    /// <param name="chance">From 0 to 1.</param>
    public TimeSpan After(int failures, double chance)
    {
        var doubled = First * Math.Pow(2, Math.Min(failures - 1, 30));
        return (doubled < Longest ? doubled : Longest) * (0.5 + (0.5 * chance));
    }
}
