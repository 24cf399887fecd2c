namespace Weft.Fuzz.Targets;

/// <summary>Where a network could have cut an input.</summary>
internal static class Cuts
{
    public static int[] Choose(int length, Random random)
    {
        if (random.Next(8) == 0) return [.. Enumerable.Range(1, Math.Max(0, length - 1))];
        return [.. Enumerable.Range(0, 1 + random.Next(4)).Select(_ => random.Next(length + 1)).Order()];
    }
}
