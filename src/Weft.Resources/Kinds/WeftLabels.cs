namespace Weft.Resources;

/// <summary>Labels that Weft itself writes.</summary>
public static class WeftLabels
{
    /// <summary>Who made an object and may remove it. An object without it is somebody's, and stays.</summary>
    public const string ManagedBy = "weft.dev/managed-by";

    /// <summary>Value of <see cref="ManagedBy"/> on the Workload and the Lease of one <c>weft run</c>.</summary>
    public const string WeftRun = "weft-run";

    /// <summary>On workloads of <c>weft up --demo</c>: which start of it they belong to.</summary>
    public const string Demo = "weft.dev/demo";
}
