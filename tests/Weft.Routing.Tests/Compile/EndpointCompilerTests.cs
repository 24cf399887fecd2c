using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Xunit;
using HealthStatus = Envoy.Config.Core.V3.HealthStatus;

namespace Weft.Routing.Tests.Compile;

public sealed class EndpointCompilerTests
{
    /// <summary>The reading over generated messages that the flat one must equal.</summary>
    private static IEnumerable<string> Describe(ClusterLoadAssignment assignment)
    {
        foreach (var locality in assignment.Endpoints)
        {
            foreach (var endpoint in locality.LbEndpoints)
            {
                var weft = Labels(endpoint.Metadata, "weft.dev");
                var match = Labels(endpoint.Metadata, "envoy.transport_socket_match");
                var socket = endpoint.Endpoint.Address.SocketAddress;
                yield return string.Join('|', new IPEndPoint(IPAddress.Parse(socket.Address), (int)socket.PortValue), endpoint.LoadBalancingWeight ?? 1, (int)endpoint.HealthStatus,
                    locality.Priority, locality.Locality?.Region, locality.Locality?.Zone, weft.GetValueOrDefault("spiffe"), weft.GetValueOrDefault("workload"),
                    weft.GetValueOrDefault("version"), string.Join(", ", match.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}")));
            }
        }
    }

    private static string Describe(Routing.Clusters.Endpoint e) =>
        string.Join('|', e.Address, e.Weight, (int)e.Health, e.Priority, e.Region, e.Zone, e.SpiffeId, e.Workload, e.Version, e.TransportMatch);

    private static Dictionary<string, string> Labels(Metadata? metadata, string name) =>
        metadata is null || !metadata.FilterMetadata.TryGetValue(name, out var found)
            ? []
            : found.Fields.ToDictionary(f => f.Key, f => f.Value.KindCase switch
            {
                Value.KindOneofCase.StringValue => f.Value.StringValue,
                Value.KindOneofCase.NumberValue => f.Value.NumberValue.ToString("R"),
                Value.KindOneofCase.BoolValue => f.Value.BoolValue ? "true" : "false",
                _ => "",
            });

    private static ClusterLoadAssignment Random(Random random)
    {
        var assignment = new ClusterLoadAssignment { ClusterName = "c" };
        for (var localities = random.Next(0, 4); localities > 0; localities--)
        {
            var locality = new LocalityLbEndpoints { Priority = (uint)random.Next(3) };
            if (random.Next(2) == 0) locality.Locality = new Locality { Region = Pick("eu", "", "us"), Zone = Pick("a", "é") };
            for (var endpoints = random.Next(0, 6); endpoints > 0; endpoints--) locality.LbEndpoints.Add(Endpoint());
            assignment.Endpoints.Add(locality);
        }
        return assignment;

        string Pick(params string[] from) => from[random.Next(from.Length)];

        LbEndpoint Endpoint()
        {
            var endpoint = TestResources.Endpoint(Pick("10.0.0.1", "10.0.0.2", "10.1.2.3", "::1", "2001:DB8::7", "fe80::1"), random.Next(1, 5), random.Next(2) == 0 ? null : (uint)random.Next(1, 9));
            endpoint.HealthStatus = (HealthStatus)random.Next(6);
            if (random.Next(3) == 0) return endpoint;
            endpoint.Metadata = new Metadata();
            if (random.Next(2) == 0) endpoint.Metadata.FilterMetadata["other"] = new Struct { Fields = { ["x"] = Value.ForBool(true) } };
            var weft = new Struct();
            foreach (var key in new[] { "spiffe", "workload", "version", "unknown" })
            {
                if (random.Next(2) == 0) weft.Fields[key] = Value.ForString(Pick("spiffe://weft.local/ns/a/sa/b", "default/ü", "v1", ""));
            }
            endpoint.Metadata.FilterMetadata["weft.dev"] = weft;
            if (random.Next(2) == 0) return endpoint;
            var match = new Struct { Fields = { ["weft"] = Value.ForString("mtls") } };
            if (random.Next(3) == 0) match.Fields["n"] = Value.ForNumber(random.Next(3) / 2.0);
            if (random.Next(3) == 0) match.Fields["b"] = Value.ForBool(random.Next(2) == 0);
            endpoint.Metadata.FilterMetadata["envoy.transport_socket_match"] = match;
            return endpoint;
        }
    }

    [Fact]
    public void Flat_reading_equals_the_reading_over_messages_on_random_assignments()
    {
        var random = new Random(7);
        var states = new StateRegistry();
        EndpointSet? previous = null;
        for (var i = 0; i < 2000; i++)
        {
            var assignment = Random(random);
            // With and without a last version to take endpoints from: it must not show.
            var compiled = EndpointCompiler.Compile(assignment, states, random.Next(3) == 0 ? null : previous);
            compiled.Rejections.ShouldBeEmpty();
            compiled.Value!.Endpoints.Select(Describe).ShouldBe(Describe(assignment));
            previous = compiled.Value;
        }
    }

    [Fact]
    public void Unchanged_assignment_is_the_previous_set_itself()
    {
        var states = new StateRegistry();
        var bytes = TestResources.Assignment("c", "10.0.0.1", "10.0.0.2").ToByteArray();
        var first = EndpointCompiler.Compile(bytes, states).Value;

        EndpointCompiler.Compile(bytes, states, first).Value.ShouldBeSameAs(first);
    }

    [Theory]
    [InlineData("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5", "10.0.0.1 10.0.0.3 10.0.0.4 10.0.0.5")]
    [InlineData("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5", "10.0.0.5")]
    [InlineData("10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.9 10.0.0.2")]
    [InlineData("10.0.0.1 10.0.0.2 10.0.0.3", "10.0.0.3 10.0.0.2 10.0.0.1")]
    public void Endpoints_that_stay_are_the_same_objects(string before, string after)
    {
        var states = new StateRegistry();
        var first = EndpointCompiler.Compile(TestResources.Assignment("c", before.Split(' ')), states).Value!;
        var second = EndpointCompiler.Compile(TestResources.Assignment("c", after.Split(' ')), states, first).Value!;

        second.Endpoints.Select(e => e.Address.Address.ToString()).ShouldBe(after.Split(' '));
        foreach (var endpoint in second.Endpoints)
        {
            var old = first.Endpoints.SingleOrDefault(e => e.Address.Equals(endpoint.Address));
            if (old is not null) endpoint.ShouldBeSameAs(old);
        }
    }

    [Fact]
    public void Changed_endpoint_keeps_its_state()
    {
        var states = new StateRegistry();
        var assignment = TestResources.Assignment("c", "10.0.0.1");
        var first = EndpointCompiler.Compile(assignment, states).Value!;
        assignment.Endpoints[0].LbEndpoints[0].LoadBalancingWeight = 9;
        var second = EndpointCompiler.Compile(assignment, states, first).Value!;

        second.Endpoints[0].ShouldNotBeSameAs(first.Endpoints[0]);
        second.Endpoints[0].Weight.ShouldBe(9u);
        second.Endpoints[0].State.ShouldBeSameAs(first.Endpoints[0].State);
    }

    [Theory]
    [InlineData("name.example", 80, 1u, "\"name.example\" is not an IP address")]
    [InlineData("10.0.0.1", 0, 1u, "0 is outside 1 to 65535")]
    [InlineData("10.0.0.1", 70000, 1u, "70000 is outside 1 to 65535")]
    [InlineData("10.0.0.1", 80, 0u, "must be at least 1")]
    public void Bad_endpoint_is_refused_with_its_place(string host, int port, uint weight, string message)
    {
        var assignment = TestResources.Assignment("c", "10.0.0.7");
        assignment.Endpoints[0].LbEndpoints.Add(TestResources.Endpoint(host, port, weight));

        var rejection = EndpointCompiler.Compile(assignment, new()).Rejections.ShouldHaveSingleItem();
        rejection.Message.ShouldBe(message);
        rejection.Field.ShouldStartWith("endpoints[0].lb_endpoints[1].");
    }

    [Fact]
    public void One_change_among_a_hundred_endpoints_allocates_a_fraction_of_what_messages_would()
    {
        var states = new StateRegistry();
        var assignment = TestResources.Assignment("c", [.. Enumerable.Range(1, 100).Select(i => $"10.0.0.{i}")]);
        foreach (var endpoint in assignment.Endpoints[0].LbEndpoints)
        {
            endpoint.Metadata = new Metadata();
            endpoint.Metadata.FilterMetadata["weft.dev"] = new Struct { Fields = { ["spiffe"] = Value.ForString("spiffe://weft.local/ns/default/sa/catalog") } };
            endpoint.Metadata.FilterMetadata["envoy.transport_socket_match"] = new Struct { Fields = { ["weft"] = Value.ForString("mtls") } };
        }
        var versions = new byte[2][];
        versions[0] = assignment.ToByteArray();
        assignment.Endpoints[0].LbEndpoints[50].HealthStatus = HealthStatus.Draining;
        versions[1] = assignment.ToByteArray();
        var set = EndpointCompiler.Compile(versions[0], states).Value;
        for (var i = 0; i < 10; i++) set = EndpointCompiler.Compile(versions[i % 2], states, set).Value;

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) set = EndpointCompiler.Compile(versions[i % 2], states, set).Value;
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 100;

        each.ShouldBeLessThan(8 * 1024);
    }
}
