using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Shouldly;
using Weft.Routing.Balancing;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Xunit;
using Cluster = Weft.Routing.Clusters.Cluster;
using Endpoint = Weft.Routing.Clusters.Endpoint;
using TransportSocket = Weft.Routing.Clusters.TransportSocket;

namespace Weft.Routing.Tests.Balancing;

public sealed class BalancerTests
{
    private readonly ClusterState _state = new("c");
    private Chance _chance = new(42);

    private static EndpointSet Set(params (uint Weight, HealthStatus Health, uint Priority)[] endpoints)
    {
        var assignment = new ClusterLoadAssignment { ClusterName = "c" };
        for (var i = 0; i < endpoints.Length; i++)
        {
            var endpoint = TestResources.Endpoint($"10.0.0.{i + 1}", weight: endpoints[i].Weight);
            endpoint.HealthStatus = endpoints[i].Health;
            assignment.Endpoints.Add(new LocalityLbEndpoints { Priority = endpoints[i].Priority, LbEndpoints = { endpoint } });
        }
        return EndpointCompiler.Compile(assignment, new StateRegistry()).Value!;
    }

    private static EndpointSet Weights(params uint[] weights) => Set([.. weights.Select(w => (w, HealthStatus.Healthy, 0u))]);

    private static Cluster With(LoadBalancingPolicy policy, int panic = 50) =>
        new() { Name = "c", LoadBalancing = new LoadBalancing(policy), PanicThresholdPercent = panic, Transports = [new TransportSocket("p", MatchLabels.Empty, null)] };

    private Endpoint? Pick(Cluster cluster, EndpointSet set, TriedEndpoints tried = default) => Balancer.Pick(cluster, set, _state, ref _chance, tried);

    private int[] Count(Cluster cluster, EndpointSet set, int picks)
    {
        var counts = new int[set.Endpoints.Length];
        for (var i = 0; i < picks; i++) counts[set.Endpoints.IndexOf(Pick(cluster, set)!)]++;
        return counts;
    }

    [Fact]
    public void Round_robin_gives_each_its_turn() =>
        Count(With(LoadBalancingPolicy.RoundRobin), Weights(1, 1, 1), 300).ShouldBe([100, 100, 100]);

    [Fact]
    public void Round_robin_follows_weights_exactly_and_smoothly()
    {
        var set = Weights(3, 1, 2);
        Count(With(LoadBalancingPolicy.RoundRobin), set, 600).ShouldBe([300, 100, 200]);

        var picks = Enumerable.Range(0, 60).Select(_ => Pick(With(LoadBalancingPolicy.RoundRobin), set)).ToList();
        for (var i = 2; i < picks.Count; i++) (picks[i] == picks[i - 1] && picks[i] == picks[i - 2]).ShouldBeFalse("three in a row");
    }

    [Fact]
    public void Round_robin_with_huge_weights_stays_near_them()
    {
        var counts = Count(With(LoadBalancingPolicy.RoundRobin), Weights(4_000_000_007, 2_000_000_011, 1), 12_800);
        ((double)counts[0] / counts[1]).ShouldBe(2, 0.05);
        counts[2].ShouldBeInRange(1, 12_800 / 100);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    public void Idle_endpoints_share_by_weight(LoadBalancingPolicy policy)
    {
        var counts = Count(With(policy), Weights(3, 1, 2), 60_000);
        counts[0].ShouldBeInRange(29_000, 31_000);
        counts[1].ShouldBeInRange(9_400, 10_600);
    }

    [Fact]
    public void Least_request_of_two_never_takes_the_busier()
    {
        var set = Weights(1, 1);
        set.Endpoints[0].State.BeginRequest();

        Count(With(LoadBalancingPolicy.LeastRequest), set, 1000).ShouldBe([0, 1000]);
    }

    [Fact]
    public void Least_request_keeps_requests_in_flight_proportional_to_weights()
    {
        var set = Weights(4, 1);
        var cluster = With(LoadBalancingPolicy.LeastRequest);
        for (var i = 0; i < 500; i++) Pick(cluster, set)!.State.BeginRequest();

        set.Endpoints[0].State.ActiveRequests.ShouldBeInRange(395, 405);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    public void Tried_endpoints_are_left_out_until_none_is_left(LoadBalancingPolicy policy)
    {
        var set = Weights(1, 5, 1);
        var cluster = With(policy);
        var tried = default(TriedEndpoints);
        var seen = new HashSet<Endpoint>();
        for (var i = 0; i < 3; i++)
        {
            var endpoint = Pick(cluster, set, tried)!;
            seen.Add(endpoint).ShouldBeTrue("asked twice while another was left");
            tried.Add(endpoint.State);
        }
        Pick(cluster, set, tried).ShouldNotBeNull();
    }

    [Fact]
    public void Unhealthy_and_draining_endpoints_get_nothing()
    {
        var set = Set((1, HealthStatus.Healthy, 0), (1, HealthStatus.Draining, 0), (1, HealthStatus.Healthy, 0));
        Count(With(LoadBalancingPolicy.RoundRobin), set, 100).ShouldBe([50, 0, 50]);
    }

    [Fact]
    public void Below_the_panic_threshold_health_is_ignored()
    {
        var set = Set((1, HealthStatus.Healthy, 0), (1, HealthStatus.Unhealthy, 0), (1, HealthStatus.Unhealthy, 0));
        Count(With(LoadBalancingPolicy.RoundRobin), set, 300).ShouldBe([100, 100, 100]);
        Count(With(LoadBalancingPolicy.RoundRobin, panic: 0), set, 300).ShouldBe([300, 0, 0]);
        Count(With(LoadBalancingPolicy.RoundRobin, panic: 33), set, 300).ShouldBe([300, 0, 0]);
    }

    [Fact]
    public void Next_priority_serves_when_the_first_is_down()
    {
        var set = Set((1, HealthStatus.Unhealthy, 0), (1, HealthStatus.Healthy, 1), (1, HealthStatus.Healthy, 7));
        Count(With(LoadBalancingPolicy.RoundRobin), set, 10).ShouldBe([0, 10, 0]);
    }

    [Fact]
    public void Degraded_endpoints_serve_when_no_healthy_one_is_left()
    {
        var set = Set((1, HealthStatus.Degraded, 0), (1, HealthStatus.Unhealthy, 0));
        Count(With(LoadBalancingPolicy.RoundRobin), set, 10).ShouldBe([10, 0]);
    }

    [Fact]
    public void Nothing_to_choose_from_is_no_endpoint()
    {
        Pick(With(LoadBalancingPolicy.RoundRobin), EndpointSet.Empty("c")).ShouldBeNull();
        Pick(With(LoadBalancingPolicy.RoundRobin, panic: 0), Set((1, HealthStatus.Unhealthy, 0))).ShouldBeNull();
    }

    [Fact]
    public void Choosing_allocates_nothing()
    {
        var set = Weights(1, 2, 3);
        foreach (var policy in System.Enum.GetValues<LoadBalancingPolicy>())
        {
            var cluster = With(policy);
            Pick(cluster, set);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++) Pick(cluster, set);
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        }
    }
}
