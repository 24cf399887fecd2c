namespace Weft.Control.Model;

/// <summary>How many parts of each sort a build made anew instead of taking them over; the measure of what a change costs.</summary>
public sealed record RebuildCounts(int Settings, int Workloads, int Services, int Endpoints, int Routes, int RouteTables, int Statuses)
{
    public int All => Settings + Workloads + Services + Endpoints + Routes + RouteTables + Statuses;
}

/// <summary>Counts while a build runs.</summary>
internal sealed class RebuildCounter
{
    public int Settings;
    public int Workloads;
    public int Services;
    public int Endpoints;
    public int Routes;
    public int RouteTables;
    public int Statuses;

    public RebuildCounts Total => new(Settings, Workloads, Services, Endpoints, Routes, RouteTables, Statuses);
}
