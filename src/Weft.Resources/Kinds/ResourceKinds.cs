using System.Collections.Frozen;
using System.Collections.Immutable;
using Weft.Resources.Schema.Kinds;

namespace Weft.Resources;

/// <summary>Every kind that Weft reads.</summary>
public static class ResourceKinds
{
    private static readonly PrinterColumn RouteStatus = new("Status", "string", "Accepted, or why it does not do all that it says", o => RouteVerdict.Of(o.Status));

    public static readonly ResourceKind Namespace = new()
    {
        Group = "", Version = "v1", Kind = "Namespace", Plural = "namespaces", Singular = "namespace", ShortNames = ["ns"], Namespaced = false,
        Doc = "A room for names.", Schema = CoreSchemas.Namespace, Create = json => new Namespace(json),
    };

    public static readonly ResourceKind Service = new()
    {
        Group = "", Version = "v1", Kind = "Service", Plural = "services", Singular = "service", ShortNames = ["svc"], Namespaced = true,
        Doc = "A name that others call, its ports, and which workloads answer.", Schema = CoreSchemas.Service, Create = json => new Service(json),
        Columns =
        [
            new("Cluster-IP", "string", "Virtual addresses", o => ((Service)o) is { IsHeadless: false } s ? string.Join(',', s.VirtualAddresses) : Weft.Resources.Service.None),
            new("Ports", "string", "Ports that clients call", o => string.Join(',', ((Service)o).Ports.Select(p => $"{p.Port}/{p.Protocol}"))),
            new("Selector", "string", "Labels of its workloads", o => string.Join(',', ((Service)o).Selector.Select(p => $"{p.Key}={p.Value}"))),
        ],
    };

    public static readonly ResourceKind ServiceAccount = new()
    {
        Group = "", Version = "v1", Kind = "ServiceAccount", Plural = "serviceaccounts", Singular = "serviceaccount", ShortNames = ["sa"], Namespaced = true,
        Doc = "An identity that workloads run under.", Schema = CoreSchemas.ServiceAccount, Create = json => new ServiceAccount(json),
    };

    public static readonly ResourceKind EndpointSlice = new()
    {
        Group = "discovery.k8s.io", Version = "v1", Kind = "EndpointSlice", Plural = "endpointslices", Singular = "endpointslice", Namespaced = true,
        Doc = "Addresses behind a Service.", Schema = DiscoverySchemas.EndpointSlice, Create = json => new EndpointSlice(json),
        Columns =
        [
            new("AddressType", "string", "What the addresses are", o => ((EndpointSlice)o).AddressType),
            new("Endpoints", "string", "The addresses", o => string.Join(',', ((EndpointSlice)o).Endpoints.Select(e => e.Addresses[0]))),
        ],
    };

    public static readonly ResourceKind Lease = new()
    {
        Group = "coordination.k8s.io", Version = "v1", Kind = "Lease", Plural = "leases", Singular = "lease", Namespaced = true,
        Doc = "A sign of life that must be renewed.", Schema = DiscoverySchemas.Lease, Create = json => new Lease(json),
        Columns = [new("Holder", "string", "Who holds it", o => ((Lease)o).HolderIdentity)],
    };

    public static readonly ResourceKind HttpRoute = new()
    {
        Group = "gateway.networking.k8s.io", Version = "v1", Kind = "HTTPRoute", Plural = "httproutes", Singular = "httproute", Namespaced = true,
        Doc = "Where the requests to a Service go.", Schema = HttpRouteSchema.HttpRoute, Create = json => new HttpRoute(json),
        Columns =
        [
            new("Parents", "string", "What it attaches to", o => string.Join(',', ((HttpRoute)o).ParentRefs.Select(p => p.Name))),
            new("Hostnames", "string", "Hosts that a gateway takes", o => string.Join(',', ((HttpRoute)o).Hostnames)),
            RouteStatus,
        ],
    };

    public static readonly ResourceKind TcpRoute = new()
    {
        Group = "gateway.networking.k8s.io", Version = "v1", EarlierVersions = ["v1alpha2"], Kind = "TCPRoute", Plural = "tcproutes", Singular = "tcproute", Namespaced = true,
        Doc = "Where the connections to a Service go.", Schema = ConnectionRouteSchemas.TcpRoute, Create = json => new TcpRoute(json),
        Columns = [new("Parents", "string", "What it attaches to", o => string.Join(',', ((TcpRoute)o).ParentRefs.Select(p => p.Name))), RouteStatus],
    };

    public static readonly ResourceKind TlsRoute = new()
    {
        Group = "gateway.networking.k8s.io", Version = "v1", EarlierVersions = ["v1alpha3", "v1alpha2"], Kind = "TLSRoute", Plural = "tlsroutes", Singular = "tlsroute", Namespaced = true,
        Doc = "Where the TLS connections to a Service go, by server name.", Schema = ConnectionRouteSchemas.TlsRoute, Create = json => new TlsRoute(json),
        Columns =
        [
            new("Parents", "string", "What it attaches to", o => string.Join(',', ((TlsRoute)o).ParentRefs.Select(p => p.Name))),
            new("Hostnames", "string", "Server names that it takes", o => string.Join(',', ((TlsRoute)o).Hostnames)),
            RouteStatus,
        ],
    };

    public static readonly ResourceKind Workload = new()
    {
        Group = "weft.dev", Version = "v1alpha1", Kind = "Workload", Plural = "workloads", Singular = "workload", ShortNames = ["wl"], Namespaced = true,
        Doc = "One process outside Kubernetes: where it is and who it is.", Schema = WeftSchemas.Workload, Create = json => new Workload(json),
        Columns =
        [
            new("Address", "string", "Where others reach it", o => ((Workload)o).Address),
            new("Version", "string", "Version shown in telemetry", o => ((Workload)o).Version),
            new("Health", "string", "Whether it takes requests, and why not", o => ((Workload)o).HealthInMesh),
            new("Sidecar", "string", "Whether a Weft proxy stands beside it", o => ((Workload)o).Sidecar is null ? "no" : "yes"),
        ],
    };

    public static readonly ResourceKind Mesh = new()
    {
        Group = "weft.dev", Version = "v1alpha1", Kind = "Mesh", Plural = "meshes", Singular = "mesh", Namespaced = false,
        Doc = "Settings of the whole mesh; the one object is called default.", Schema = WeftSchemas.Mesh, Create = json => new Mesh(json),
        Columns =
        [
            new("TrustDomain", "string", "Name that all identities share", o => ((Mesh)o).TrustDomain),
            new("MTLS", "string", "Whether sidecars still take plaintext", o => ((Mesh)o).Mtls.ToString()),
        ],
    };

    /// <summary>Every kind, in the order that a set of objects is best written: what others refer to first.</summary>
    public static ImmutableArray<ResourceKind> All { get; } = [Namespace, Mesh, ServiceAccount, Service, EndpointSlice, Lease, Workload, HttpRoute, TcpRoute, TlsRoute];

    private static readonly FrozenDictionary<(string, string), ResourceKind> ByKind = All
        .SelectMany(k => k.EarlierVersions.Select(v => (ApiVersion: $"{k.Group}/{v}", Kind: k)).Append((ApiVersion: k.ApiVersion, Kind: k)))
        .ToFrozenDictionary(p => (p.ApiVersion, p.Kind.Kind), p => p.Kind);

    private static readonly FrozenDictionary<string, ResourceKind> ByName = All
        .SelectMany(k => k.ShortNames.AsEnumerable().Concat([k.Plural, k.Singular, k.Kind.ToLowerInvariant(), k.Group.Length == 0 ? "" : $"{k.Plural}.{k.Group}"])
            .Where(n => n.Length > 0).Distinct().Select(n => (Name: n, Kind: k)))
        .ToFrozenDictionary(p => p.Name, p => p.Kind, StringComparer.OrdinalIgnoreCase);

    /// <summary>The kind that <c>apiVersion</c> and <c>kind</c> name, or null.</summary>
    public static ResourceKind? Find(string apiVersion, string kind) => ByKind.GetValueOrDefault((apiVersion, kind));

    /// <summary>The kind that a URL names, or null.</summary>
    public static ResourceKind? FindPlural(string group, string version, string plural) =>
        All.FirstOrDefault(k => k.Group == group && k.HasVersion(version) && k.Plural == plural);

    /// <summary>The kind that a person names: plural, singular, short or <c>plural.group</c>, in any case; or null.</summary>
    public static ResourceKind? FindName(string name) => ByName.GetValueOrDefault(name);
}
