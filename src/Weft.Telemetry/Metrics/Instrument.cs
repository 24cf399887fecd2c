namespace Weft.Telemetry.Metrics;

public enum InstrumentKind : byte
{
    /// <summary>Only ever rises, until the process ends.</summary>
    Counter,
    Gauge,
}

/// <summary>One number with a name, other than request series.</summary>
/// <param name="Name">Prometheus name with its unit.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Kind">How its values over time are to be read.</param>
/// <param name="Labels">Label names and values.</param>
/// <param name="Read">Its value now; callable from any thread.</param>
public sealed record Instrument(string Name, string Help, InstrumentKind Kind, IReadOnlyList<(string Name, string Value)> Labels, Func<double> Read);

/// <summary>A counter that any thread may raise.</summary>
public sealed class Counter
{
    private long _value;

    public long Value => Interlocked.Read(ref _value);

    public void Add(long amount = 1) => Interlocked.Add(ref _value, amount);
}
