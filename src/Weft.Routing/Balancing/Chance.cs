namespace Weft.Routing.Balancing;

/// <summary>
/// A small pseudo random generator (xorshift64*, Vigna 2016), one per worker, seeded from outside so that a run can be repeated.
/// A mutable struct: keep it in a field and pass it by reference; a copy repeats its numbers. Not for secrets.
/// </summary>
public struct Chance(ulong seed)
{
    private ulong _state = seed == 0 ? 0x9E3779B97F4A7C15 : seed; // zero would stay zero

    public ulong Next()
    {
        if (_state == 0) _state = 0x9E3779B97F4A7C15; // default(Chance)
        _state ^= _state >> 12;
        _state ^= _state << 25;
        _state ^= _state >> 27;
        return _state * 0x2545F4914F6CDD1D;
    }

    /// <summary>Evenly from 0 to <paramref name="exclusive"/> - 1 (which must be at least 1); the bias is below 2^-32 per value.</summary>
    public uint Below(uint exclusive) => (uint)(((Next() >> 32) * exclusive) >> 32);

    /// <summary>From 0 (included) to 1 (excluded).</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));
}
