using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Weft.Routing.Clusters;
using Weft.Routing.Compile.Fields;
using Weft.Routing.Compile.Wire;
using Endpoint = Weft.Routing.Clusters.Endpoint;

namespace Weft.Routing.Compile;

/// <summary>
/// ClusterLoadAssignment to <see cref="EndpointSet"/>, read from the wire without generated messages: parsing 100 endpoints into messages
/// allocates 147 KB, and assignments are what changes all the time. An endpoint that has not changed is the same object as before.
/// </summary>
public static class EndpointCompiler
{
    private const string TypeName = "envoy.config.endpoint.v3.ClusterLoadAssignment";
    private const uint MaxPriority = 128;

    /// <param name="bytes">The message as it arrived.</param>
    /// <param name="states">Where an address's state is found again.</param>
    /// <param name="previous">The assignment's last version; returned itself when nothing has changed.</param>
    public static Compiled<EndpointSet> Compile(ReadOnlySpan<byte> bytes, StateRegistry states, EndpointSet? previous = null)
    {
        var into = new Compilation(TypeUrls.ClusterLoadAssignment) { Resource = ReadName(bytes, previous) };
        FieldPolicy.Check(TypeName, bytes, into);
        if (into.Resource.Length == 0) into.Refuse("cluster_name", "a name is needed");
        return into.Finish(Build(bytes, into.Resource, states, previous, FieldPath.Root, into));
    }

    public static Compiled<EndpointSet> Compile(ClusterLoadAssignment message, StateRegistry states, EndpointSet? previous = null) =>
        Compile(message.ToByteArray(), states, previous);

    /// <summary>Also for the load_assignment that stands in a cluster.</summary>
    internal static EndpointSet Build(
        ReadOnlySpan<byte> bytes, string name, StateRegistry states, EndpointSet? previous, FieldPath at, Compilation into)
    {
        var last = new PreviousEndpoints(previous);
        var endpoints = new List<Endpoint>(previous?.Endpoints.Length ?? 4);
        var reader = new WireReader(bytes);
        for (var locality = 0; reader.Next();)
        {
            if (reader.Field != 2 || !reader.HasBytes) continue;
            Locality(reader.Bytes, name, states, ref last, endpoints, at, locality, into);
            locality++;
        }
        if (previous is not null && previous.Name == name && CollectionsMarshal.AsSpan(endpoints).SequenceEqual(previous.Endpoints.AsSpan(), ReferenceEqualityComparer.Instance))
            return previous;
        return new EndpointSet(name, [.. endpoints]);
    }

    private static string ReadName(ReadOnlySpan<byte> bytes, EndpointSet? previous)
    {
        ReadOnlySpan<byte> name = default;
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            if (reader.Field == 1) name = reader.Bytes;
        }
        return FlatEndpoint.Text(name, previous?.Name ?? "");
    }

    private static void Locality(
        ReadOnlySpan<byte> bytes, string assignment, StateRegistry states, ref PreviousEndpoints last, List<Endpoint> endpoints, FieldPath at, int index, Compilation into)
    {
        ReadOnlySpan<byte> locality = default;
        var priority = 0UL;
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            if (reader.Field == 1) locality = reader.Bytes;
            else if (reader.Field == 5) priority = reader.Number;
        }
        if (priority > MaxPriority)
        {
            into.Refuse(at.Field("endpoints", index).Field("priority"), $"{priority} is outside 0 to {MaxPriority}");
            return;
        }

        reader = new WireReader(bytes);
        for (var i = 0; reader.Next();)
        {
            if (reader.Field != 2 || !reader.HasBytes) continue;
            var flat = FlatEndpoint.Read(reader.Bytes, locality, (int)priority);
            if (last.Find(flat) is { } unchanged) endpoints.Add(unchanged);
            else if (Checked(flat, at, index, i, into) && Create(flat, assignment, states, at, index, i, into) is { } created) endpoints.Add(last.Keep(created));
            i++;
        }
    }

    private static bool Checked(in FlatEndpoint flat, FieldPath at, int locality, int index, Compilation into)
    {
        // Paths are built here only: good endpoints, nearly all of them, do not pay for them.
        if (flat.Host.IsEmpty || flat.Port is 0 or > ushort.MaxValue || flat.Udp || flat.Weight == 0 || flat.Health > (ulong)EndpointHealth.Degraded)
        {
            var endpointAt = at.Field("endpoints", locality).Field("lb_endpoints", index);
            var socketAt = endpointAt.Field("endpoint").Field("address").Field("socket_address");
            if (flat.Host.IsEmpty) into.Refuse(socketAt.Field("address"), "an IP address is needed");
            if (flat.Port is 0 or > ushort.MaxValue) into.Refuse(socketAt.Field("port_value"), $"{flat.Port} is outside 1 to 65535");
            if (flat.Udp) into.Refuse(socketAt.Field("protocol"), "only TCP is supported");
            if (flat.Weight == 0) into.Refuse(endpointAt.Field("load_balancing_weight"), "must be at least 1");
            if (flat.Health > (ulong)EndpointHealth.Degraded) into.Refuse(endpointAt.Field("health_status"), $"{flat.Health} is not a known status");
            return false;
        }
        return true;
    }

    private static Endpoint? Create(in FlatEndpoint flat, string assignment, StateRegistry states, FieldPath at, int locality, int index, Compilation into)
    {
        var host = FlatEndpoint.Text(flat.Host, "");
        if (!IPAddress.TryParse(host, out var ip))
        {
            var socketAt = at.Field("endpoints", locality).Field("lb_endpoints", index).Field("endpoint").Field("address").Field("socket_address");
            into.Refuse(socketAt.Field("address"), $"\"{host}\" is not an IP address");
            return null;
        }
        var address = new IPEndPoint(ip, (int)flat.Port);
        var others = Additional(flat, at, locality, index, into);
        var state = states.Endpoint(assignment, address);
        return new Endpoint
        {
            Address = state.Address, // one object per address, whatever the number of versions
            AdditionalAddresses = others,
            State = state,
            Weight = flat.Weight,
            Health = (EndpointHealth)flat.Health,
            Priority = flat.Priority,
            Region = FlatEndpoint.Text(flat.Region, ""),
            Zone = FlatEndpoint.Text(flat.Zone, ""),
            SpiffeId = FlatEndpoint.Text(flat.SpiffeId, ""),
            Workload = FlatEndpoint.Text(flat.Workload, ""),
            Service = FlatEndpoint.Text(flat.Service, ""),
            Version = FlatEndpoint.Text(flat.Version, ""),
            TransportMatch = flat.Labels(),
        };
    }
    private static ImmutableArray<IPEndPoint> Additional(in FlatEndpoint flat, FieldPath at, int locality, int index, Compilation into)
    {
        var addresses = flat.AdditionalAddresses();
        ImmutableArray<IPEndPoint>.Builder? found = null;
        for (var i = 0; addresses.Next(); i++)
        {
            if (!addresses.Udp && addresses.Port is > 0 and <= ushort.MaxValue && IPAddress.TryParse(FlatEndpoint.Text(addresses.Host, ""), out var ip))
            {
                (found ??= ImmutableArray.CreateBuilder<IPEndPoint>()).Add(new IPEndPoint(ip, (int)addresses.Port));
                continue;
            }
            var endpointAt = at.Field("endpoints", locality).Field("lb_endpoints", index).Field("endpoint").Field("additional_addresses", i);
            into.Refuse(endpointAt.Field("address").Field("socket_address"), "an IP address and a TCP port from 1 to 65535 are needed");
        }
        return found?.ToImmutable() ?? [];
    }
}
