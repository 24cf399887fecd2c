using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Weft.Routing.Clusters;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;
using Weft.Routing.Security;
using Cluster = Weft.Routing.Clusters.Cluster;
using DiscoveryType = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType;
using LbPolicy = Envoy.Config.Cluster.V3.Cluster.Types.LbPolicy;
using LeastRequest = Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3.LeastRequest;
using ProtoCluster = Envoy.Config.Cluster.V3.Cluster;
using TransportSocket = Weft.Routing.Clusters.TransportSocket;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Weft.Routing.Compile;

/// <summary>Cluster to <see cref="Cluster"/>.</summary>
public static class ClusterCompiler
{
    private static readonly MessageParser<ProtoCluster> Parser = ProtoCluster.Parser.WithDiscardUnknownFields(true);

    /// <param name="bytes">The message as it arrived.</param>
    /// <param name="states">Where the state of inline endpoints is found again.</param>
    /// <param name="previous">The cluster's last version; inline endpoints that have not changed are taken from it.</param>
    public static Compiled<Cluster> Compile(ReadOnlySpan<byte> bytes, StateRegistry states, Cluster? previous = null) =>
        Compilation.Run(TypeUrls.Cluster, bytes, Parser, m => m.Name, (m, into) => Build(m, states, previous, into));

    public static Compiled<Cluster> Compile(ProtoCluster message, StateRegistry states, Cluster? previous = null) =>
        Compile(message.ToByteArray(), states, previous);

    private static Cluster? Build(ProtoCluster message, StateRegistry states, Cluster? previous, Compilation into)
    {
        var at = FieldPath.Root;
        if (message.Name.Length == 0) into.Refuse("name", "a name is needed");
        if (message.ClusterDiscoveryTypeCase == ProtoCluster.ClusterDiscoveryTypeOneofCase.ClusterType) return null; // stands on the refused list
        var isOriginal = message.Type == DiscoveryType.OriginalDst;
        if (isOriginal && message.LbPolicy != LbPolicy.ClusterProvided) into.Refuse("lb_policy", "ORIGINAL_DST needs CLUSTER_PROVIDED: there is nothing to balance");
        if (isOriginal && message.LoadAssignment is not null) into.Refuse("load_assignment", "ORIGINAL_DST clusters have none: each connection brings its own address");
        if (message.EdsClusterConfig is not null) into.Source(message.EdsClusterConfig.EdsConfig, at.Field("eds_cluster_config").Field("eds_config"));

        var http = UpstreamHttpCompiler.Compile(message.TypedExtensionProtocolOptions, at.Field("typed_extension_protocol_options"), into);
        var isStatic = message.Type == DiscoveryType.Static;
        var isDns = message.Type is DiscoveryType.StrictDns or DiscoveryType.LogicalDns;
        if ((isStatic || isDns) && message.LoadAssignment is null) into.Refuse("load_assignment", $"{message.Type} clusters need one");
        return new Cluster
        {
            Name = message.Name,
            Type = message.Type switch
            {
                DiscoveryType.Eds => Clusters.DiscoveryType.Eds,
                DiscoveryType.StrictDns => Clusters.DiscoveryType.StrictDns,
                DiscoveryType.LogicalDns => Clusters.DiscoveryType.LogicalDns,
                DiscoveryType.OriginalDst => Clusters.DiscoveryType.OriginalDestination,
                _ => Clusters.DiscoveryType.Static,
            },
            EdsServiceName = message.Type != DiscoveryType.Eds ? "" : message.EdsClusterConfig is { ServiceName.Length: > 0 } eds ? eds.ServiceName : message.Name,
            InlineEndpoints = isStatic && message.LoadAssignment is { } inline
                ? EndpointCompiler.Build(inline.ToByteArray(), message.Name, states, previous?.InlineEndpoints, at.Field("load_assignment"), into)
                : isOriginal ? EndpointSet.Empty(message.Name) : null,
            DnsTargets = isDns && message.LoadAssignment is { } names ? DnsTargets(names, at.Field("load_assignment"), into) : [],
            DnsRefreshRate = Positive(message.DnsRefreshRate, TimeSpan.FromSeconds(5), at.Field("dns_refresh_rate"), into),
            ConnectTimeout = Positive(message.ConnectTimeout, TimeSpan.FromSeconds(5), at.Field("connect_timeout"), into),
            TcpKeepalive = Keepalive(message.UpstreamConnectionOptions?.TcpKeepalive, at.Field("upstream_connection_options").Field("tcp_keepalive"), into),
            LoadBalancing = isOriginal ? LoadBalancing.RoundRobin : Balancing(message, at, into),
            PanicThresholdPercent = Panic(message.CommonLbConfig?.HealthyPanicThreshold, at.Field("common_lb_config").Field("healthy_panic_threshold"), into),
            RetryBudget = RetryBudgetCompiler.Compile(message.TypedExtensionProtocolOptions, at.Field("typed_extension_protocol_options"), into),
            CircuitBreakers = Limits(message.CircuitBreakers, at.Field("circuit_breakers"), into),
            Transports = Transports(message, http.Protocol, at, into),
            PerConnectionBufferLimitBytes = into.Number(
                message.PerConnectionBufferLimitBytes, unset: 1024 * 1024, min: 4096, max: int.MaxValue, at.Field("per_connection_buffer_limit_bytes")),
            IdleTimeout = http.IdleTimeout,
            MaxConnectionDuration = http.MaxConnectionDuration,
            MaxRequestsPerConnection = http.MaxRequestsPerConnection > 0
                ? http.MaxRequestsPerConnection
                : into.Number(message.MaxRequestsPerConnection, unset: 0, min: 0, max: int.MaxValue, at.Field("max_requests_per_connection")),
            MaxResponseHeadersCount = http.MaxHeadersCount,
            PreserveCase = http.PreserveCase,
            Protocol = http.Protocol,
            Http2 = http.Http2,
            Service = WeftMetadata.Text(message.Metadata, "service"),
            ServicePort = WeftMetadata.Number(message.Metadata, "port"),
            NetworkNamespace = WeftMetadata.Text(message.Metadata, "network_namespace"),
        };
    }

    private static TimeSpan Positive(Duration? value, TimeSpan unset, FieldPath at, Compilation into)
    {
        var time = into.Time(value, unset, at);
        if (time > TimeSpan.Zero) return time;
        into.Refuse(at, "must be longer than zero");
        return unset;
    }

    private static Clusters.TcpKeepalive? Keepalive(Envoy.Config.Core.V3.TcpKeepalive? message, FieldPath at, Compilation into) => message is null ? null : new(
        into.Number(message.KeepaliveTime, unset: 7200, min: 1, max: 32_767, at.Field("keepalive_time")),
        into.Number(message.KeepaliveInterval, unset: 75, min: 1, max: 32_767, at.Field("keepalive_interval")),
        into.Number(message.KeepaliveProbes, unset: 9, min: 1, max: 127, at.Field("keepalive_probes")));

    private static LoadBalancing Balancing(ProtoCluster message, FieldPath at, Compilation into)
    {
        if (message.LoadBalancingPolicy is { } policy) return Extension(policy, at.Field("load_balancing_policy"), into);
        switch (message.LbPolicy)
        {
            case LbPolicy.RoundRobin:
                return LoadBalancing.RoundRobin;
            case LbPolicy.LeastRequest:
                var countAt = at.Field("least_request_lb_config").Field("choice_count");
                return new LoadBalancing(LoadBalancingPolicy.LeastRequest, into.Number(message.LeastRequestLbConfig?.ChoiceCount, unset: 2, min: 2, max: 100, countAt));
            case LbPolicy.Random:
                return new LoadBalancing(LoadBalancingPolicy.Random);
            default:
                into.Refuse(at.Field("lb_policy"), $"{message.LbPolicy} is not supported: ROUND_ROBIN, LEAST_REQUEST or RANDOM");
                return LoadBalancing.RoundRobin;
        }
    }

    /// <summary>The first policy of the list that is supported, as xDS has it.</summary>
    private static LoadBalancing Extension(Envoy.Config.Cluster.V3.LoadBalancingPolicy policy, FieldPath at, Compilation into)
    {
        for (var i = 0; i < policy.Policies.Count; i++)
        {
            var config = policy.Policies[i].TypedExtensionConfig?.TypedConfig;
            switch (config?.TypeUrl)
            {
                case TypeUrls.RoundRobin:
                    return LoadBalancing.RoundRobin;
                case TypeUrls.RandomPolicy:
                    return new LoadBalancing(LoadBalancingPolicy.Random);
                case TypeUrls.LeastRequest:
                    var configAt = at.Field("policies", i).Field("typed_extension_config").Field("typed_config");
                    var least = into.Unpack(config, LeastRequest.Parser, configAt);
                    return new LoadBalancing(
                        LoadBalancingPolicy.LeastRequest, into.Number(least?.ChoiceCount, unset: 2, min: 2, max: 100, configAt.Field("choice_count")));
            }
        }
        into.Refuse(at, "none of the policies is supported: round_robin, least_request or random");
        return LoadBalancing.RoundRobin;
    }

    private static int Panic(Envoy.Type.V3.Percent? threshold, FieldPath at, Compilation into)
    {
        if (threshold is null) return 50;
        if (threshold.Value is >= 0 and <= 100) return (int)Math.Round(threshold.Value);
        into.Refuse(at, $"{threshold.Value} is outside 0 to 100");
        return 50;
    }

    private static CircuitBreakerLimits Limits(Envoy.Config.Cluster.V3.CircuitBreakers? breakers, FieldPath at, Compilation into)
    {
        // Thresholds of priority HIGH concern no request: routes of that priority are refused.
        var index = breakers is null ? -1 : breakers.Thresholds.ToList().FindIndex(t => t.Priority == RoutingPriority.Default);
        if (index < 0) return CircuitBreakerLimits.Default;
        at = at.Field("thresholds", index);
        var thresholds = breakers!.Thresholds[index];
        return new CircuitBreakerLimits(
            Limit(thresholds.MaxConnections, 1024, "max_connections"), Limit(thresholds.MaxPendingRequests, 1024, "max_pending_requests"),
            Limit(thresholds.MaxRequests, 1024, "max_requests"), Limit(thresholds.MaxRetries, 3, "max_retries"));

        // 2^32-1 is how "no limit" is written; no counter here reaches 2^31.
        int Limit(uint? value, int unset, string field) =>
            value > int.MaxValue ? int.MaxValue : into.Number(value, unset, 0, int.MaxValue, at.Field(field));
    }

    private static ImmutableArray<TransportSocket> Transports(ProtoCluster message, UpstreamProtocol protocol, FieldPath at, Compilation into)
    {
        var sockets = ImmutableArray.CreateBuilder<TransportSocket>(message.TransportSocketMatches.Count + 1);
        for (var i = 0; i < message.TransportSocketMatches.Count; i++)
        {
            var match = message.TransportSocketMatches[i];
            var matchAt = at.Field("transport_socket_matches", i);
            if (match.Name.Length == 0) into.Refuse(matchAt.Field("name"), "a name is needed");
            sockets.Add(Transport(match.Name, MetadataReader.Labels(match.Match), match.TransportSocket, protocol, matchAt, into));
        }
        sockets.Add(Transport("default", MatchLabels.Empty, message.TransportSocket, protocol, at, into));
        return sockets.ToImmutable();
    }

    private static TransportSocket Transport(
        string name, MatchLabels match, Envoy.Config.Core.V3.TransportSocket? socket, UpstreamProtocol protocol, FieldPath at, Compilation into)
    {
        at = at.Field("transport_socket");
        var announces = ProxyProtocolVersions.None;
        if (socket?.TypedConfig?.TypeUrl == TypeUrls.UpstreamProxyProtocol) announces = UpstreamProxyCompiler.Unwrap(ref socket, ref at, into);
        return new TransportSocket(name, match, Tls(socket, protocol, at, into), announces);
    }

    /// <summary>What the protocol chosen asks of ALPN where the socket names nothing itself, as Envoy has it.</summary>
    private static UpstreamTls? Tls(Envoy.Config.Core.V3.TransportSocket? socket, UpstreamProtocol protocol, FieldPath at, Compilation into)
    {
        if (protocol == UpstreamProtocol.Negotiated && (socket is null || TlsCompiler.IsRaw(socket))) into.Refuse(at, "auto_config is agreed on by ALPN, and this is not TLS");
        var tls = TlsCompiler.Upstream(socket, at, into);
        if (tls is null || !tls.Common.Alpn.IsEmpty) return tls;
        ImmutableArray<string> alpn = protocol switch
        {
            UpstreamProtocol.Http1 => ["http/1.1"],
            UpstreamProtocol.Http2 => ["h2"],
            _ => ["h2", "http/1.1"],
        };
        return tls with { Common = tls.Common with { Alpn = alpn } };
    }

    private static ImmutableArray<DnsTarget> DnsTargets(ClusterLoadAssignment assignment, FieldPath at, Compilation into)
    {
        var targets = ImmutableArray.CreateBuilder<DnsTarget>();
        for (var i = 0; i < assignment.Endpoints.Count; i++)
        {
            for (var j = 0; j < assignment.Endpoints[i].LbEndpoints.Count; j++)
            {
                var endpoint = assignment.Endpoints[i].LbEndpoints[j];
                var socketAt = at.Field("endpoints", i).Field("lb_endpoints", j).Field("endpoint").Field("address").Field("socket_address");
                if (endpoint.Endpoint?.Address?.SocketAddress is not { Address.Length: > 0, PortValue: > 0 and <= ushort.MaxValue } socket)
                    into.Refuse(socketAt, "an address and a port from 1 to 65535 are needed");
                else if (Uri.CheckHostName(socket.Address) == UriHostNameType.Unknown)
                    into.Refuse(socketAt.Field("address"), $"\"{socket.Address}\" is not a host name");
                else targets.Add(new DnsTarget(socket.Address, (int)socket.PortValue, endpoint.LoadBalancingWeight ?? 1));
            }
        }
        if (targets.Count == 0 && !into.Failed) into.Refuse(at, "at least one endpoint is needed");
        return targets.ToImmutable();
    }
}
