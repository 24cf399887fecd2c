namespace Weft.Bench.Results;

/// <summary>One measured row with what is needed to judge it. Rows of one day are kept together; a row that is measured again replaces the older one.</summary>
/// <param name="Row">Its name on the command line.</param>
/// <param name="Says">What it measures.</param>
/// <param name="At">When it began.</param>
/// <param name="Commit">Of Weft.</param>
/// <param name="LoadAverageBefore">What else the machine did.</param>
/// <param name="Rounds">Interleaved rounds.</param>
/// <param name="RoundSeconds">Length of one measurement.</param>
/// <param name="Configurations">Under bench/peers.</param>
/// <param name="Notes">What weakens the figures.</param>
public sealed record RowResult(
    string Row, string Says, string At, string Commit, double LoadAverageBefore, int Rounds, double RoundSeconds, IReadOnlyCollection<string> Configurations,
    IReadOnlyList<string> Notes, IReadOnlyList<Verdict> Verdicts, IReadOnlyList<Measurement> Measurements)
{
    /// <summary>Fewer rounds show that a row works, not how fast anything is.</summary>
    public const int RoundsThatCount = 7;
}

/// <summary>The rows of one day.</summary>
public sealed record DayResult(Machine Machine, IReadOnlyList<RowResult> Rows);
