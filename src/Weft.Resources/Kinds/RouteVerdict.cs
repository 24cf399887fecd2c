using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>What became of a route, read from its <c>status.parents</c>.</summary>
public static class RouteVerdict
{
    /// <summary>For a list, in which nobody reads conditions: the reasons for which the route does not do all that it says, over all of its parents; <c>Accepted</c>
    /// where there are none; empty when nobody has said anything of it.</summary>
    public static string Of(JsonObject? status)
    {
        if (Failing(status).Select(f => f.Reason).Distinct().ToList() is { Count: > 0 } reasons) return string.Join(',', reasons);
        return Parents(status).Any(p => p["conditions"] is JsonArray { Count: > 0 }) ? "Accepted" : "";
    }

    /// <summary>The conditions that say that something of it is not done, in the order written.</summary>
    public static IEnumerable<FailingCondition> Failing(JsonObject? status) =>
        from parent in Parents(status)
        from condition in (parent["conditions"] as JsonArray ?? []).OfType<JsonObject>()
        where IsBad(condition)
        select new FailingCondition(
            $"{(string?)parent["parentRef"]?["kind"] ?? "Gateway"} {(string?)parent["parentRef"]?["name"]}", (string?)condition["reason"] ?? "", (string?)condition["message"] ?? "");

    private static IEnumerable<JsonObject> Parents(JsonObject? status) => (status?["parents"] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>Conditions say what is right, but for the one that says what is wrong.</summary>
    private static bool IsBad(JsonObject condition) => ((string?)condition["type"] == "PartiallyInvalid") == ((string?)condition["status"] == "True");
}

/// <param name="Parent">Kind and name of the parent that it concerns, <c>Service db</c>.</param>
/// <param name="Reason">The condition's word.</param>
/// <param name="Message">Its sentence.</param>
public sealed record FailingCondition(string Parent, string Reason, string Message);
