using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Weft.Resources.Tests;

public sealed class RouteVerdictTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", "Accepted")]
    [InlineData("Accepted=False/NotAllowedByListeners ResolvedRefs=True/ResolvedRefs", "NotAllowedByListeners")]
    [InlineData("Accepted=True/Accepted ResolvedRefs=False/BackendNotFound Programmed=False/Refused", "BackendNotFound,Refused")]
    [InlineData("Accepted=True/Accepted PartiallyInvalid=True/UnsupportedValue", "UnsupportedValue")]
    [InlineData("Accepted=True/Accepted PartiallyInvalid=False/Fine", "Accepted")]
    [InlineData("Accepted=True/Accepted | Accepted=False/NoMatchingParent | Accepted=False/NoMatchingParent", "NoMatchingParent")]
    public void The_reasons_are_those_of_the_conditions_that_fail(string parents, string verdict) => RouteVerdict.Of(Status(parents)).ShouldBe(verdict);

    [Fact]
    public void A_route_of_which_nobody_has_said_anything_has_no_verdict() => RouteVerdict.Of(null).ShouldBe("");

    [Fact]
    public void A_failing_condition_names_its_parent() =>
        RouteVerdict.Failing(Status("Accepted=True/Accepted | Accepted=False/NoMatchingParent")).ShouldBe([new FailingCondition("Service s1", "NoMatchingParent", "why NoMatchingParent")]);

    /// <param name="parents">Conditions as <c>Type=Status/Reason</c>; <c>|</c> begins the next parent.</param>
    private static JsonObject Status(string parents) => new()
    {
        ["parents"] = new JsonArray([.. parents.Split('|').Select((conditions, i) => new JsonObject
        {
            ["parentRef"] = new JsonObject { ["kind"] = "Service", ["name"] = $"s{i}" },
            ["conditions"] = new JsonArray([.. conditions.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Condition)]),
        })]),
    };

    private static JsonObject Condition(string text)
    {
        var (type, rest) = (text.Split('=')[0], text.Split('=')[1].Split('/'));
        return new JsonObject { ["type"] = type, ["status"] = rest[0], ["reason"] = rest[1], ["message"] = $"why {rest[1]}" };
    }
}
