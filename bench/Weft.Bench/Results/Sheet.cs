namespace Weft.Bench.Results;

/// <summary>One figure of one participant, once per round.</summary>
/// <param name="Metric">What was measured.</param>
/// <param name="Unit">In what.</param>
/// <param name="Peer">Whose it is.</param>
/// <param name="Rounds">The values in the order of the rounds.</param>
public sealed record Measurement(string Metric, string Unit, string Peer, IReadOnlyList<double> Rounds)
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
    public double Spread => Median == 0 ? 0 : (Rounds.Max() - Rounds.Min()) / Math.Abs(Median);
}

/// <summary>Gathers the figures of a row round by round, and what the reader must know to believe them.</summary>
public sealed class Sheet
{
    private readonly List<(string Metric, string Unit, string Peer)> _order = [];
    private readonly Dictionary<(string, string, string), List<double>> _values = [];
    private readonly List<string> _notes = [];
    private readonly SortedSet<string> _configurations = new(StringComparer.Ordinal);

    /// <summary>What weakens a figure, or explains one that is missing.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>The files under bench/peers that were in use.</summary>
    public IReadOnlyCollection<string> Configurations => _configurations;

    public IReadOnlyList<Measurement> Measurements => [.. _order.Select(k => new Measurement(k.Metric, k.Unit, k.Peer, _values[k]))];

    public void Add(string metric, string unit, string peer, double value)
    {
        var key = (metric, unit, peer);
        if (!_values.TryGetValue(key, out var rounds))
        {
            _values[key] = rounds = [];
            _order.Add(key);
        }
        rounds.Add(value);
    }

    public void Uses(string configuration) => _configurations.Add(configuration);

    /// <summary>Printed at once, and kept with the results.</summary>
    public void Warn(string note)
    {
        Console.Error.WriteLine($"  ! {note}");
        if (!_notes.Contains(note)) _notes.Add(note);
    }
}
