using System.Net;
using Shouldly;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Xunit;

namespace Weft.Routing.Tests.Balancing;

public sealed class ClusterStateTests
{
    [Fact]
    public void Circuit_never_admits_one_too_many_under_contention()
    {
        var cell = new CircuitCell();
        int peak = 0, inside = 0;
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                if (!cell.TryAcquire(3)) continue;
                var now = Interlocked.Increment(ref inside);
                if (now > Volatile.Read(ref peak)) Volatile.Write(ref peak, now);
                Interlocked.Decrement(ref inside);
                cell.Release();
            }
        });

        peak.ShouldBeLessThanOrEqualTo(3);
        cell.Active.ShouldBe(0);
    }

    [Fact]
    public void Open_circuit_counts_what_it_refused()
    {
        var cell = new CircuitCell();
        cell.TryAcquire(1).ShouldBeTrue();
        cell.TryAcquire(1).ShouldBeFalse();
        cell.TryAcquire(2).ShouldBeTrue();
        (cell.Active, cell.Refused).ShouldBe((2, 1));
    }

    [Fact]
    public void State_of_an_address_is_found_again_and_forgotten_when_idle_and_gone()
    {
        var states = new StateRegistry();
        var both = EndpointCompiler.Compile(TestResources.Assignment("c", "10.0.0.1", "10.0.0.2"), states).Value!;
        both.Endpoints[1].State.BeginRequest();
        states.Forget(both, null);

        states.Endpoint("c", new IPEndPoint(IPAddress.Parse("10.0.0.1"), 80)).ShouldNotBeSameAs(both.Endpoints[0].State);
        states.Endpoint("c", new IPEndPoint(IPAddress.Parse("10.0.0.2"), 80)).ShouldBeSameAs(both.Endpoints[1].State, "a request is still on its way there");
        states.Endpoint("d", new IPEndPoint(IPAddress.Parse("10.0.0.2"), 80)).ShouldNotBeSameAs(both.Endpoints[1].State);
    }

    [Fact]
    public void Cluster_state_outlives_its_configuration_while_something_is_in_flight()
    {
        var states = new StateRegistry();
        var state = states.Cluster("c");
        state.Requests.TryAcquire(1);
        states.ForgetCluster("c");
        states.Cluster("c").ShouldBeSameAs(state);

        state.Requests.Release();
        states.ForgetCluster("c");
        states.Cluster("c").ShouldNotBeSameAs(state);
    }
}
