using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Model;
using Weft.Resources;
using Xunit;

namespace Weft.Control.Tests.Model;

public sealed class StatusWriterTests
{
    private static readonly DateTimeOffset Morning = new(2026, 1, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_status_that_says_the_same_is_not_written_again()
    {
        var status = StatusOf(MeshModelTests.Route("s0", 1));
        var written = StatusWriter.Merge(status, null, Morning).ShouldNotBeNull();

        StatusWriter.Merge(status, written, Noon).ShouldBeNull();
    }

    [Fact]
    public void The_time_of_a_condition_moves_only_with_its_value()
    {
        var broken = StatusOf(MeshModelTests.Route("s0", 1).Replace("name: s0, port", "name: nowhere, port"));
        var written = StatusWriter.Merge(broken, null, Morning)!;

        var healed = StatusWriter.Merge(StatusOf(MeshModelTests.Route("s0", 1)), written, Noon)!;

        var conditions = healed["parents"]![0]!["conditions"]!.AsArray();
        conditions.Select(c => $"{c!["type"]} {c["status"]} {c["lastTransitionTime"]}").ShouldBe(["Accepted True 2026-01-01T08:00:00Z", "ResolvedRefs True 2026-01-01T12:00:00Z"]);
    }

    [Fact]
    public void What_other_controllers_wrote_stays()
    {
        var current = (JsonObject)JsonNode.Parse("""{"parents":[{"controllerName":"example.com/gateway","parentRef":{"name":"g"},"conditions":[]}],"extra":1}""")!;

        var written = StatusWriter.Merge(StatusOf(MeshModelTests.Route("s0", 1)), current, Morning)!;

        written["parents"]!.AsArray().Select(p => (string)p!["controllerName"]!).ShouldBe(["example.com/gateway", StatusWriter.ControllerName]);
        ((int)written["extra"]!).ShouldBe(1);
    }

    [Fact]
    public void A_parent_that_the_route_left_loses_its_entry()
    {
        var written = StatusWriter.Merge(StatusOf(MeshModelTests.Route("s0", 1)), null, Morning)!;
        var moved = StatusOf(MeshModelTests.Route("s0", 1).Replace("kind: Service, name: s0", "kind: Service, name: s1"));

        StatusWriter.Merge(moved, written, Noon)!["parents"]!.AsArray().Single()!["parentRef"]!["name"]!.GetValue<string>().ShouldBe("s1");
    }

    [Fact]
    public void A_refusal_by_a_proxy_is_told_and_goes_when_it_no_longer_holds()
    {
        var status = StatusOf(MeshModelTests.Route("s0", 1));
        var refused = StatusWriter.Merge(status.With(new Condition("Programmed", false, "Refused", "default/a: no such field")), null, Morning)!;
        Types(refused).ShouldBe(["Accepted", "ResolvedRefs", "Programmed"]);

        Types(StatusWriter.Merge(status, refused, Noon)!).ShouldBe(["Accepted", "ResolvedRefs"]);

        static string[] Types(JsonObject status) => [.. status["parents"]![0]!["conditions"]!.AsArray().Select(c => (string)c!["type"]!)];
    }

    private static ResourceStatus StatusOf(string route) =>
        MeshModel.Build(new ModelInputs([.. MeshModelTests.Read(MeshModelTests.Service("s0")), .. MeshModelTests.Read(route)], [], 1))
            .Status[new ResourceKey("gateway.networking.k8s.io", "HTTPRoute", "default", "s0")];
}
