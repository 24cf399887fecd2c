using System.Text.Json.Nodes;
using Shouldly;
using Weft.Cli.Demo;
using Xunit;

namespace Weft.Cli.Tests.Demo;

public sealed class DemoTrafficTests
{
    [Fact]
    public void A_service_is_awaited_until_the_mesh_says_that_a_workload_of_its_version_is_ready()
    {
        DemoService[] services = [new("payments"), new("reviews"), new("orders"), new("catalog", "v1"), new("catalog", "v2"), new("traffic", Listens: false)];
        var workloads = JsonNode.Parse("""
            {"items": [
              {"metadata": {"labels": {"app": "payments"}}, "spec": {"health": "Healthy"}, "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "LeaseExpired"}]}},
              {"metadata": {"labels": {"app": "reviews"}}, "spec": {"health": "Healthy"}},
              {"metadata": {"labels": {"app": "orders"}}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
              {"metadata": {"labels": {"app": "catalog", "version": "v1"}}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}]}
            """)!;
        DemoTraffic.NotReady(workloads, services).Select(s => s.Label).ShouldBe(["payments", "reviews", "catalog-v2"]);
    }
}
