using System.Collections.Immutable;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;
using Weft.Routing.Retries;
using Weft.Routing.Security;

namespace Weft.Routing.Clusters;

/// <summary>
/// A destination as configured (envoy.config.cluster.v3.Cluster). Immutable; what lives across versions is <see cref="ClusterState"/>,
/// where it is now is <see cref="EndpointSet"/>.
/// </summary>
public sealed class Cluster
{
    public required string Name { get; init; }

    public DiscoveryType Type { get; init; }

    /// <summary>Name of the endpoint assignment to ask for when <see cref="Type"/> is <see cref="DiscoveryType.Eds"/>.</summary>
    public string EdsServiceName { get; init; } = "";

    /// <summary>The endpoints written in the cluster itself; set exactly when <see cref="Type"/> is <see cref="DiscoveryType.Static"/> or,
    /// empty, <see cref="DiscoveryType.OriginalDestination"/>.</summary>
    public EndpointSet? InlineEndpoints { get; init; }

    /// <summary>Host names to resolve; set exactly for the DNS types.</summary>
    public ImmutableArray<DnsTarget> DnsTargets { get; init; } = [];

    /// <summary>Between resolutions for the DNS types. Default 5 s.</summary>
    public TimeSpan DnsRefreshRate { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Limit on connecting, TLS included. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Probing of silent connections by TCP (<c>upstream_connection_options.tcp_keepalive</c>); null, the default, probes none.</summary>
    public TcpKeepalive? TcpKeepalive { get; init; }

    public LoadBalancing LoadBalancing { get; init; } = LoadBalancing.RoundRobin;

    /// <summary>Below this share of healthy endpoints (percent, 0 to 100) health is ignored; 0 never ignores it. Default 50.</summary>
    public int PanicThresholdPercent { get; init; } = 50;

    public CircuitBreakerLimits CircuitBreakers { get; init; } = CircuitBreakerLimits.Default;

    /// <summary>Limit on retries over time; null leaves the one on retries in flight, <see cref="CircuitBreakerLimits.MaxRetries"/>.</summary>
    public RetryBudgetLimits? RetryBudget { get; init; }

    /// <summary>How to secure a connection, first match wins; the last entry matches every endpoint.</summary>
    public required ImmutableArray<TransportSocket> Transports { get; init; }

    /// <summary>Soft limit in bytes on what is buffered per connection and direction. Default 1 MiB.</summary>
    public int PerConnectionBufferLimitBytes { get; init; } = 1024 * 1024;

    /// <summary>An upstream connection without a request is closed after this; infinite keeps it. Default 1 h.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>An upstream connection takes no new request after this age. Default unlimited.</summary>
    public TimeSpan MaxConnectionDuration { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Limit on requests per upstream connection; 0 is unlimited (the default).</summary>
    public int MaxRequestsPerConnection { get; init; }

    /// <summary>Default <see cref="UpstreamProtocol.Http1"/>.</summary>
    public UpstreamProtocol Protocol { get; init; }

    /// <summary>How HTTP/2 is spoken with endpoints that speak it.</summary>
    public Http2Options Http2 { get; init; } = Http2Options.Default;

    /// <summary>Limit on the number of header fields of a response. Default 100.</summary>
    public int MaxResponseHeadersCount { get; init; } = 100;

    /// <summary>Limit on a response's head in bytes. Default 60 KiB.</summary>
    public int MaxResponseHeadersBytes { get; init; } = 60 * 1024;

    /// <summary>HTTP/1 field names of responses and requests keep the case that they came in with.</summary>
    public bool PreserveCase { get; init; }

    /// <summary>The Service that this cluster leads to, <c>namespace/name</c> (metadata weft.dev); empty when unknown.</summary>
    public string Service { get; init; } = "";

    /// <summary>The Service's port (metadata weft.dev); 0 when unknown.</summary>
    public int ServicePort { get; init; }

    /// <summary>Path of the network namespace in which its endpoints are reached (metadata weft.dev, <c>network_namespace</c>); empty for the proxy's own.</summary>
    public string NetworkNamespace { get; init; } = "";

    /// <summary>Index in <see cref="Transports"/> of the socket for <paramref name="endpoint"/>.</summary>
    public int TransportFor(Endpoint endpoint)
    {
        for (var i = 0; i < Transports.Length - 1; i++)
        {
            if (endpoint.TransportMatch.Covers(Transports[i].Match)) return i;
        }
        return Transports.Length - 1;
    }
}

public enum DiscoveryType : byte
{
    Static,
    Eds,
    StrictDns,
    LogicalDns,

    /// <summary>Each connection goes to the address that its client wanted to reach.</summary>
    OriginalDestination,
}

/// <summary>A host name and port that becomes endpoints by DNS.</summary>
public sealed record DnsTarget(string Host, int Port, uint Weight);

/// <summary>How an endpoint is chosen. <paramref name="ChoiceCount"/> counts for least request alone: 2 to 100, default 2.</summary>
public sealed record LoadBalancing(LoadBalancingPolicy Policy, int ChoiceCount = 2)
{
    public static LoadBalancing RoundRobin { get; } = new(LoadBalancingPolicy.RoundRobin);
}

public enum LoadBalancingPolicy : byte
{
    RoundRobin,
    LeastRequest,
    Random,
}

/// <summary>Limits of one cluster and proxy (priority DEFAULT). Envoy's defaults: 1,024 each and 3 retries.</summary>
public sealed record CircuitBreakerLimits(int MaxConnections, int MaxPendingRequests, int MaxRequests, int MaxRetries)
{
    public static CircuitBreakerLimits Default { get; } = new(1024, 1024, 1024, 3);
}

/// <summary>
/// When TCP gives a connection up (envoy.config.core.v3.TcpKeepalive). Bytes that nobody acknowledges get the same patience as silence, <see cref="PatienceSeconds"/>: keep-alive alone does not probe
/// a connection that has something to send. A peer that acknowledges and takes nothing is waited for without end.
/// </summary>
/// <param name="TimeSeconds">Silence before the first probe (TCP_KEEPIDLE), 1 to 32,767. Default 7,200, Linux's.</param>
/// <param name="IntervalSeconds">Between probes (TCP_KEEPINTVL), 1 to 32,767. Default 75, Linux's.</param>
/// <param name="Probes">Probes without an answer after which the connection is dead (TCP_KEEPCNT), 1 to 127. Default 9, Linux's.</param>
public sealed record TcpKeepalive(int TimeSeconds, int IntervalSeconds, int Probes)
{
    public int PatienceSeconds => TimeSeconds + (IntervalSeconds * Probes);
}

/// <summary>One way to secure a connection.</summary>
/// <param name="Name">For people and metrics.</param>
/// <param name="Match">Endpoints whose <c>envoy.transport_socket_match</c> metadata holds all of these; empty matches all.</param>
/// <param name="Tls">Null for plaintext.</param>
/// <param name="Announces">A PROXY header of this version goes first, with the client's address; none by default.</param>
public sealed record TransportSocket(string Name, MatchLabels Match, UpstreamTls? Tls, ProxyProtocolVersions Announces = ProxyProtocolVersions.None);
