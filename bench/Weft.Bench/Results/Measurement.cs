namespace Weft.Bench.Results;

/// <summary>One figure of one participant, once per round.</summary>
/// <param name="Row">The part of the benchmark: saturation, latency, churn, memory, start.</param>
/// <param name="Metric">What was measured.</param>
/// <param name="Unit">In what; lower is better for every unit but requests/s.</param>
/// <param name="Peer">Whose it is.</param>
/// <param name="Rounds">The values in the order of the rounds.</param>
public sealed record Measurement(string Row, string Metric, string Unit, string Peer, IReadOnlyList<double> Rounds)
{
    public double Median
    {
        get
        {
            var sorted = Rounds.Order().ToArray();
            var middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    /// <summary>From the smallest to the largest round, as a share of the median.</summary>
    public double Spread => Median == 0 ? 0 : (Rounds.Max() - Rounds.Min()) / Median;
}

/// <summary>Gathers figures round by round, and what the reader must know to believe them.</summary>
public sealed class Sheet
{
    private readonly List<(string Row, string Metric, string Unit, string Peer)> _order = [];
    private readonly Dictionary<(string, string, string, string), List<double>> _values = [];
    private readonly List<string> _notes = [];

    public IReadOnlyList<string> Notes => _notes;

    public IReadOnlyList<Measurement> Measurements => [.. _order.Select(k => new Measurement(k.Row, k.Metric, k.Unit, k.Peer, _values[k]))];

    public void Add(string row, string metric, string unit, string peer, double value)
    {
        var key = (row, metric, unit, peer);
        if (!_values.TryGetValue(key, out var rounds))
        {
            _values[key] = rounds = [];
            _order.Add(key);
        }
        rounds.Add(value);
    }

    /// <summary>Something that weakens a figure: it is printed at once and stands in the results.</summary>
    public void Warn(string note)
    {
        Console.Error.WriteLine($"  ! {note}");
        _notes.Add(note);
    }
}
