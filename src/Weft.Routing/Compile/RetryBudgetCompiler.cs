using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Weft.Routing.Retries;

namespace Weft.Routing.Compile;

/// <summary>weft.v1.RetryBudget among a cluster's typed_extension_protocol_options.</summary>
internal static class RetryBudgetCompiler
{
    public const string Key = "weft.v1.RetryBudget";

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromHours(1);

    /// <returns>Null when the cluster has none.</returns>
    public static RetryBudgetLimits? Compile(MapField<string, Any> options, FieldPath at, Compilation into)
    {
        if (!options.TryGetValue(Key, out var any) || any.TypeUrl != TypeUrls.RetryBudget) return null;
        if (into.Unpack(any, V1.RetryBudget.Parser, at) is not { } message) return null;
        var unset = RetryBudgetLimits.Default;
        var interval = into.Time(message.Interval, unset.Interval, at.Field("interval"));
        if (interval < Shortest || interval > Longest) into.Refuse(at.Field("interval"), $"{interval.TotalSeconds} s is outside 1 s to 1 h");
        return new RetryBudgetLimits(
            into.Number(message.Percent, unset.Percent, min: 0, max: 100, at.Field("percent")),
            interval,
            into.Number(message.MinPerSecond, unset.MinPerSecond, min: 0, max: 1_000_000, at.Field("min_per_second")));
    }
}
