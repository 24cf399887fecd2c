using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Weft.Routing.Compile.Fields;
using Cluster = Envoy.Config.Cluster.V3.Cluster;

namespace Weft.Routing.Compile;

/// <summary>What a bootstrap says beside its static resources, which are compiled like those that arrive later.</summary>
/// <param name="Node">Whom the management server is told that this is.</param>
/// <param name="Admin">Where the admin endpoint listens; null for none.</param>
/// <param name="ManagementServer">Null when configuration is static.</param>
/// <param name="WantsListeners">True when listeners are asked of the management server.</param>
/// <param name="Message">The bootstrap itself, its static resources uncompiled.</param>
public sealed record BootstrapSettings(Node Node, IPEndPoint? Admin, ManagementServer? ManagementServer, bool WantsListeners, Bootstrap Message)
{
    /// <summary>Says where a field, by its path from the bootstrap, was written: <c>file:line:column</c>, for errors. Null when nobody knows.</summary>
    public Func<string, string?> PlaceOf { get; init; } = static _ => null;

    /// <summary>The static clusters that requests may go to, with their place in the list: all but the management server's.</summary>
    public IEnumerable<(int Index, Cluster Cluster)> Clusters =>
        (Message.StaticResources?.Clusters ?? []).Index().Where(c => c.Item.Name != ManagementServer?.Cluster);
}

/// <summary>Where configuration comes from.</summary>
/// <param name="Cluster">Name of the static cluster that it was written as.</param>
/// <param name="Targets">Hosts (names or addresses) and ports, tried in turn; at least one.</param>
/// <param name="IsTls">The cluster has a TLS transport socket.</param>
public sealed record ManagementServer(string Cluster, ImmutableArray<(string Host, int Port)> Targets, bool IsTls);

/// <summary>Bootstrap to <see cref="BootstrapSettings"/>.</summary>
public static class BootstrapCompiler
{
    private const string TypeName = "envoy.config.bootstrap.v3.Bootstrap";

    public static Compiled<BootstrapSettings> Compile(Bootstrap message)
    {
        var into = new Compilation(TypeUrls.Prefix + TypeName) { Resource = "bootstrap" };
        var bare = message.Clone();
        bare.StaticResources = null; // held against the lists one by one, under their own names
        FieldPolicy.Check(TypeName, bare.ToByteArray(), into);
        return into.Finish(Build(message, into));
    }

    private static BootstrapSettings Build(Bootstrap message, Compilation into)
    {
        var at = FieldPath.Root;
        var admin = message.Admin?.Address is null ? null : into.SocketAddress(message.Admin.Address, at.Field("admin").Field("address"));
        var resources = message.StaticResources ?? new Bootstrap.Types.StaticResources();
        var server = message.DynamicResources is null ? null : Server(message.DynamicResources, resources, at.Field("dynamic_resources"), into);
        return new BootstrapSettings(message.Node ?? new Node(), admin, server, message.DynamicResources?.LdsConfig is not null, message);
    }

    private static ManagementServer? Server(
        Bootstrap.Types.DynamicResources dynamic, Bootstrap.Types.StaticResources resources, FieldPath at, Compilation into)
    {
        into.Source(dynamic.LdsConfig, at.Field("lds_config"));
        into.Source(dynamic.CdsConfig, at.Field("cds_config"));
        at = at.Field("ads_config");
        if (dynamic.AdsConfig is not { } ads)
        {
            into.Refuse(at, "is needed: everything dynamic comes over ads");
            return null;
        }
        if (ads.ApiType != ApiConfigSource.Types.ApiType.DeltaGrpc) into.Refuse(at.Field("api_type"), $"{ads.ApiType} is not supported: only DELTA_GRPC");
        if (ads.GrpcServices.Count != 1 || ads.GrpcServices[0].EnvoyGrpc is not { } service)
        {
            into.Refuse(at.Field("grpc_services"), "exactly one envoy_grpc service is needed");
            return null;
        }
        if (resources.Clusters.FirstOrDefault(c => c.Name == service.ClusterName) is { } cluster) return Server(cluster, resources.Clusters.IndexOf(cluster), into);
        into.Refuse(at.Field("grpc_services", 0).Field("envoy_grpc").Field("cluster_name"), $"\"{service.ClusterName}\" is not a static cluster");
        return null;
    }

    /// <summary>Only where it is and whether it speaks TLS: the rest of the cluster would steer requests, and none goes there.</summary>
    private static ManagementServer? Server(Cluster cluster, int index, Compilation into)
    {
        var at = FieldPath.Root.Field("static_resources").Field("clusters", index);
        if (cluster.Type is not (Cluster.Types.DiscoveryType.Static or Cluster.Types.DiscoveryType.StrictDns or Cluster.Types.DiscoveryType.LogicalDns))
            into.Refuse(at.Field("type"), $"{cluster.Type} is not supported for the management server: STATIC, STRICT_DNS or LOGICAL_DNS");
        var targets = (cluster.LoadAssignment?.Endpoints ?? [])
            .SelectMany(l => l.LbEndpoints)
            .Select(e => e.Endpoint?.Address?.SocketAddress)
            .Where(s => s is { Address.Length: > 0, PortValue: > 0 and <= ushort.MaxValue })
            .Select(s => (s!.Address, (int)s.PortValue))
            .ToImmutableArray();
        if (!targets.IsEmpty) return new ManagementServer(cluster.Name, targets, cluster.TransportSocket?.TypedConfig?.TypeUrl == TypeUrls.UpstreamTls);
        into.Refuse(at.Field("load_assignment"), "the management server needs at least one address with a port");
        return null;
    }
}
