using System.Collections.Immutable;
using Weft.Control.Model.Stages;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>
/// The mesh as its resources describe it: services, where they are, how requests reach them, and what every object is told about itself.
/// Immutable, sorted, a pure function of <see cref="ModelInputs"/>. Parts whose sources did not change are the same instances as in the
/// previous model, which is how everything after knows what to leave alone.
/// </summary>
public sealed class MeshModel
{
    private readonly IReadOnlyDictionary<ResourceKey, ImmutableArray<MeshServicePort>> _portsTo;

    private MeshModel(long revision, IReadOnlyDictionary<ResourceKey, ImmutableArray<MeshServicePort>> portsTo)
    {
        Revision = revision;
        _portsTo = portsTo;
    }

    public long Revision { get; }

    public required MeshSettings Settings { get; init; }

    public required ImmutableSortedDictionary<ResourceKey, MeshWorkload> Workloads { get; init; }

    /// <summary>By namespace and name.</summary>
    public required ImmutableSortedDictionary<ResourceKey, MeshService> Services { get; init; }

    /// <summary>Where each port of each service is; every TCP port has an entry, if only an empty one.</summary>
    public required ImmutableSortedDictionary<ServicePortKey, MeshEndpoints> Endpoints { get; init; }

    /// <summary>Services by their virtual addresses, in canonical text.</summary>
    public required IReadOnlyDictionary<string, MeshService> Addresses { get; init; }

    /// <summary>Every HTTPRoute with its references looked up.</summary>
    public required ImmutableSortedDictionary<ResourceKey, MeshRoute> Routes { get; init; }

    /// <summary>The rules in force for each port that has some; a port without entry forwards all requests to its service.</summary>
    public required ImmutableSortedDictionary<ServicePortKey, MeshRouteTable> RouteTables { get; init; }

    /// <summary>Every TCPRoute and TLSRoute with its references looked up.</summary>
    public required ImmutableSortedDictionary<ResourceKey, MeshConnectionRoute> ConnectionRoutes { get; init; }

    /// <summary>The routes of connections of each port that has some; a port without entry sends all connections to its service.</summary>
    public required ImmutableSortedDictionary<ServicePortKey, MeshConnectionTable> ConnectionTables { get; init; }

    /// <summary>Ports that declare nothing and whose clients speak HTTP, as proxies have found out. A hint for other proxies, and no more than that.</summary>
    public ImmutableHashSet<ServicePortKey> HttpPorts { get; private init; } = [];

    /// <summary>What each object is told about itself, by key; only of objects that Weft has something to say about.</summary>
    public required ImmutableSortedDictionary<ResourceKey, ResourceStatus> Status { get; init; }

    /// <summary>Parts that had to be made anew for this model.</summary>
    public required RebuildCounts Rebuilt { get; init; }

    /// <summary>A mesh without objects.</summary>
    public static MeshModel Empty { get; } = Build(new ModelInputs([], [], 0));

    /// <summary>Builds the model, taking over from <paramref name="previous"/> whatever still holds.</summary>
    public static MeshModel Build(ModelInputs inputs, MeshModel? previous = null)
    {
        var counts = new RebuildCounter();
        var byKind = inputs.Resources.ToLookup(r => r.Kind);
        var settings = SettingsStage.Run(byKind[ResourceKinds.Mesh], previous?.Settings, counts);
        var workloads = WorkloadStage.Run(byKind[ResourceKinds.Workload].Cast<Workload>(), inputs.ExpiredLeases, settings, previous?.Workloads, counts);
        var connectionRoutes = byKind[ResourceKinds.TcpRoute].Concat(byKind[ResourceKinds.TlsRoute]).Cast<ConnectionRoute>().ToList();
        var services = ServiceStage.Run(byKind[ResourceKinds.Service].Cast<Service>(), connectionRoutes, previous?.Services, counts);
        var endpoints = EndpointStage.Run(services, workloads, byKind[ResourceKinds.EndpointSlice].Cast<EndpointSlice>(), previous?.Endpoints, counts);
        var routes = RouteStage.Run(byKind[ResourceKinds.HttpRoute].Cast<HttpRoute>(), services, previous?.Routes, counts);
        var tables = RouteTableStage.Run(routes, previous?.RouteTables, counts);
        var connections = ConnectionRouteStage.Run(connectionRoutes, services, previous?.ConnectionRoutes, counts);
        var connectionTables = ConnectionRouteStage.Tables(connections, previous?.ConnectionTables, counts);
        var status = StatusStage.Run(services, workloads, endpoints, routes, connections, connectionTables, previous?.Status, counts);
        return new MeshModel(inputs.Revision, PortsTo(endpoints.Values))
        {
            Settings = settings,
            Workloads = workloads,
            Services = services,
            Endpoints = endpoints,
            Addresses = AddressStage.Run(services.Values),
            Routes = routes,
            RouteTables = tables,
            ConnectionRoutes = connections,
            ConnectionTables = connectionTables,
            HttpPorts = inputs.HttpPorts,
            Status = status,
            Rebuilt = counts.Total,
        };
    }

    /// <summary>The ports of Services that lead to a port of a workload.</summary>
    /// <param name="workload">Key of the Workload.</param>
    /// <param name="name">The port's name; may be empty.</param>
    /// <param name="number">Its number.</param>
    public IEnumerable<MeshServicePort> PortsTo(ResourceKey workload, string name, int number) =>
        _portsTo.GetValueOrDefault(workload, []).Where(p => p.Target.IsName ? p.Target.Name == name : p.Target.Number == number);

    /// <summary>The port that <paramref name="key"/> names, or null.</summary>
    public MeshServicePort? FindPort(ServicePortKey key) => FindService(key)?.Port(key.Port);

    /// <summary>The port that a caller means who asks for <paramref name="key"/>: that port, or for port 80 (what a URL without a port says) the
    /// only one of a service that has one.</summary>
    public MeshServicePort? FindCalledPort(ServicePortKey key)
    {
        if (FindService(key) is not { } service) return null;
        return service.Port(key.Port) ?? (key.Port == 80 && service.Ports.Length == 1 ? service.Ports[0] : null);
    }

    /// <summary>The service that a name of <c>weft.v1.Name</c> asks for: <c>service.namespace</c>, or a virtual address in canonical text. Null for anything else.</summary>
    public MeshService? FindName(string name)
    {
        if (Addresses.TryGetValue(name, out var addressed)) return addressed;
        return name.Split('.') is [{ Length: > 0 } service, { Length: > 0 } ns] && FindService(new ServicePortKey(service, ns, 0)) is { Source.IsExternalName: false } found ? found : null;
    }

    private static Dictionary<ResourceKey, ImmutableArray<MeshServicePort>> PortsTo(IEnumerable<MeshEndpoints> endpoints) => endpoints
        .SelectMany(e => e.Sources.Workloads.Select(w => (Workload: w.Source.Key, e.Port))).GroupBy(p => p.Workload, p => p.Port).ToDictionary(g => g.Key, g => g.ToImmutableArray());

    private MeshService? FindService(ServicePortKey key) => Services.GetValueOrDefault(new ResourceKey("", "Service", key.Namespace, key.Service));
}
