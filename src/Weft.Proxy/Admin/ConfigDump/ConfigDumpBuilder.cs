using Envoy.Admin.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Xds;
using static Envoy.Admin.V3.ClustersConfigDump.Types;
using static Envoy.Admin.V3.EndpointsConfigDump.Types;
using static Envoy.Admin.V3.ListenersConfigDump.Types;
using static Envoy.Admin.V3.RoutesConfigDump.Types;
using static Envoy.Admin.V3.SecretsConfigDump.Types;
using Bootstrap = Envoy.Config.Bootstrap.V3.Bootstrap;
using Listener = Envoy.Config.Listener.V3.Listener;

namespace Weft.Proxy.Admin;

/// <summary>Turns what was received into the sections of a ConfigDump, in the order in which Envoy lists them.</summary>
internal static class ConfigDumpBuilder
{
    /// <summary>The secret that comes from the proxy's own store and never over the wire.</summary>
    private const string OwnSecret = "default";

    /// <param name="own">The proxy's own certificate.</param>
    /// <param name="withEndpoints">Endpoint assignments are most of a large configuration, so they are asked for.</param>
    /// <param name="name">Only resources of this name; null for all.</param>
    public static IReadOnlyList<IMessage> Build(ConfigHistory history, CertificateMaterial? own, bool withEndpoints, string? name)
    {
        IEnumerable<ConfigRecord> Of(XdsType type) => history.Of(type).Where(r => name is null || r.Name == name);
        var sections = new List<IMessage>();
        if (history.Bootstrap is { } bootstrap)
            sections.Add(new BootstrapConfigDump { Bootstrap = Bootstrap.Parser.ParseFrom(bootstrap.Body), LastUpdated = At(bootstrap) });
        sections.Add(Clusters(Of(XdsType.Cluster)));
        if (withEndpoints) sections.Add(Endpoints(Of(XdsType.Endpoint)));
        sections.Add(Listeners(Of(XdsType.Listener)));
        sections.Add(Routes(Of(XdsType.Route), history.Of(XdsType.Listener).Where(l => l.IsStatic), name));
        var secrets = Secrets(Of(XdsType.Secret));
        if (own is not null && name is null or OwnSecret) secrets.DynamicActiveSecrets.Add(Own(own));
        sections.Add(secrets);
        return sections;
    }

    private static ClustersConfigDump Clusters(IEnumerable<ConfigRecord> records)
    {
        var dump = new ClustersConfigDump();
        foreach (var record in records)
        {
            if (record.IsStatic)
            {
                dump.StaticClusters.Add(new StaticCluster { Cluster = Body(XdsType.Cluster, record.Active), LastUpdated = At(record.Active) });
                continue;
            }
            var active = new DynamicCluster { ErrorState = Error(XdsType.Cluster, record), ClientStatus = Status(record) };
            Fill(active, record.Active);
            if (record.Active is not null || record.Warming is null) dump.DynamicActiveClusters.Add(active);
            if (record.Warming is null) continue;
            var warming = new DynamicCluster { ClientStatus = ClientResourceStatus.Requested };
            Fill(warming, record.Warming);
            dump.DynamicWarmingClusters.Add(warming);
        }
        return dump;

        static void Fill(DynamicCluster into, ReceivedConfig? received) =>
            (into.VersionInfo, into.Cluster, into.LastUpdated) = (received?.Version ?? "", Body(XdsType.Cluster, received), At(received));
    }

    private static ListenersConfigDump Listeners(IEnumerable<ConfigRecord> records)
    {
        var dump = new ListenersConfigDump();
        foreach (var record in records)
        {
            if (record.IsStatic)
                dump.StaticListeners.Add(new StaticListener { Listener = Body(XdsType.Listener, record.Active), LastUpdated = At(record.Active) });
            else
                dump.DynamicListeners.Add(new DynamicListener
                {
                    Name = record.Name, ActiveState = State(record.Active), WarmingState = State(record.Warming),
                    ErrorState = Error(XdsType.Listener, record), ClientStatus = Status(record),
                });
        }
        return dump;

        static DynamicListenerState? State(ReceivedConfig? received) => received is null ? null : new DynamicListenerState
        {
            VersionInfo = received.Version, Listener = Body(XdsType.Listener, received), LastUpdated = At(received),
        };
    }

    /// <param name="listeners">Of the bootstrap: the tables that stand in them are listed too.</param>
    private static RoutesConfigDump Routes(IEnumerable<ConfigRecord> records, IEnumerable<ConfigRecord> listeners, string? name)
    {
        var dump = new RoutesConfigDump();
        foreach (var listener in listeners)
        {
            foreach (var table in InlineRoutes(listener.Active!).Where(t => name is null || t.Name == name))
                dump.StaticRouteConfigs.Add(new StaticRouteConfig { RouteConfig = Any.Pack(table), LastUpdated = At(listener.Active) });
        }
        foreach (var record in records)
        {
            // There is no list of warming tables: one that has none before it is shown with the status REQUESTED.
            var shown = record.Active ?? record.Warming;
            if (record.IsStatic)
                dump.StaticRouteConfigs.Add(new StaticRouteConfig { RouteConfig = Body(XdsType.Route, shown), LastUpdated = At(shown) });
            else
                dump.DynamicRouteConfigs.Add(new DynamicRouteConfig
                {
                    VersionInfo = shown?.Version ?? "", RouteConfig = Body(XdsType.Route, shown) ?? Named(new Envoy.Config.Route.V3.RouteConfiguration { Name = record.Name }),
                    LastUpdated = At(shown), ErrorState = Error(XdsType.Route, record), ClientStatus = Status(record),
                });
        }
        return dump;
    }

    private static IEnumerable<RouteConfiguration> InlineRoutes(ReceivedConfig listener)
    {
        var message = Listener.Parser.ParseFrom(listener.Body);
        var chains = message.DefaultFilterChain is { } last ? message.FilterChains.Append(last) : message.FilterChains;
        return chains.SelectMany(c => c.Filters)
            .Where(f => f.TypedConfig?.Is(HttpConnectionManager.Descriptor) == true)
            .Select(f => f.TypedConfig.Unpack<HttpConnectionManager>().RouteConfig)
            .OfType<RouteConfiguration>();
    }

    private static EndpointsConfigDump Endpoints(IEnumerable<ConfigRecord> records)
    {
        var dump = new EndpointsConfigDump();
        foreach (var record in records)
        {
            var shown = record.Active ?? record.Warming;
            if (record.IsStatic)
                dump.StaticEndpointConfigs.Add(new StaticEndpointConfig { EndpointConfig = Body(XdsType.Endpoint, shown), LastUpdated = At(shown) });
            else
                dump.DynamicEndpointConfigs.Add(new DynamicEndpointConfig
                {
                    VersionInfo = shown?.Version ?? "",
                    EndpointConfig = Body(XdsType.Endpoint, shown) ?? Named(new Envoy.Config.Endpoint.V3.ClusterLoadAssignment { ClusterName = record.Name }),
                    LastUpdated = At(shown), ErrorState = Error(XdsType.Endpoint, record), ClientStatus = Status(record),
                });
        }
        return dump;
    }

    private static SecretsConfigDump Secrets(IEnumerable<ConfigRecord> records)
    {
        var dump = new SecretsConfigDump();
        foreach (var record in records)
        {
            if (record.IsStatic)
            {
                dump.StaticSecrets.Add(new StaticSecret { Name = record.Name, Secret = Body(XdsType.Secret, record.Active), LastUpdated = At(record.Active) });
                continue;
            }
            var into = record.Active is null ? dump.DynamicWarmingSecrets : dump.DynamicActiveSecrets;
            var shown = record.Active ?? record.Warming;
            into.Add(new DynamicSecret
            {
                Name = record.Name, VersionInfo = shown?.Version ?? "", Secret = Body(XdsType.Secret, shown), LastUpdated = At(shown),
                ErrorState = Error(XdsType.Secret, record), ClientStatus = Status(record),
            });
        }
        return dump;
    }

    /// <summary>The key is not even asked for: the field says that there is one.</summary>
    private static DynamicSecret Own(CertificateMaterial own) => new()
    {
        Name = OwnSecret,
        VersionInfo = own.SerialNumber.ToLowerInvariant(),
        LastUpdated = Timestamp.FromDateTimeOffset(own.NotBefore),
        ClientStatus = ClientResourceStatus.Acked,
        Secret = Any.Pack(new Secret
        {
            Name = OwnSecret,
            TlsCertificate = new TlsCertificate
            {
                CertificateChain = new DataSource { InlineBytes = ByteString.CopyFrom(own.ChainPem.Span) },
                PrivateKey = new DataSource { InlineString = "in the keys directory" },
            },
        }),
    };

    /// <summary>What has no body yet is shown by its name alone: these sections have no field for it.</summary>
    private static Any Named(IMessage message) => Any.Pack(message);

    private static Any? Body(XdsType type, ReceivedConfig? received) =>
        received is null ? null : new Any { TypeUrl = type.TypeUrl(), Value = received.Body };

    private static Timestamp? At(ReceivedConfig? received) => received is null ? null : Timestamp.FromDateTimeOffset(received.At);

    private static UpdateFailureState? Error(XdsType type, ConfigRecord record) => record.Failure is not { } failure ? null : new UpdateFailureState
    {
        FailedConfiguration = Body(type, failure.Config), LastUpdateAttempt = At(failure.Config), Details = failure.Reason, VersionInfo = failure.Config.Version,
    };

    private static ClientResourceStatus Status(ConfigRecord record) => record.Status switch
    {
        ConfigStatus.Requested => ClientResourceStatus.Requested,
        ConfigStatus.Absent => ClientResourceStatus.DoesNotExist,
        ConfigStatus.Accepted => ClientResourceStatus.Acked,
        _ => ClientResourceStatus.Nacked,
    };
}
