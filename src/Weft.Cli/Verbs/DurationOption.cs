using System.CommandLine;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary>An option that takes a time as resources write it: <c>30s</c>, <c>1m30s</c>, <c>500ms</c>. Null when it is not given: help shows the default
/// in the description, in the form in which it is written.</summary>
internal static class DurationOption
{
    public static Option<TimeSpan?> Create(string name, string description, TimeSpan byDefault) => new(name)
    {
        Description = $"{description}, as 30s or 1m30s (default {new GatewayDuration(byDefault)})",
        HelpName = "TIME",
        CustomParser = result =>
        {
            if (GatewayDuration.TryParse(result.Tokens[0].Value, out var duration)) return duration.Value;
            result.AddError($"{name}: \"{result.Tokens[0].Value}\" is not a time: write 30s, 1m30s or 500ms");
            return null;
        },
    };
}
