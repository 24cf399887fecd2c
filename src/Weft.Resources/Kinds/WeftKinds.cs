using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

public enum WorkloadHealth
{
    Healthy,
    Unhealthy,

    /// <summary>Finishes what it has and takes nothing new.</summary>
    Draining,
}

/// <summary>weft.dev/v1alpha1 Workload: one process outside Kubernetes. It becomes an endpoint of every Service in its namespace that selects it.</summary>
public sealed class Workload : ResourceObject
{
    internal Workload(JsonObject json) : base(ResourceKinds.Workload, json)
    {
        var spec = json.Object("spec");
        Address = spec.Text("address") ?? "";
        Ports = spec.IntMap("ports");
        ServiceAccount = spec.Text("serviceAccount") ?? "default";
        Version = spec.Text("version") ?? "";
        var locality = spec.Object("locality");
        Region = locality.Text("region") ?? "";
        Zone = locality.Text("zone") ?? "";
        Weight = spec.Int("weight") ?? 1;
        Health = spec.Text("health") is { } health ? Enum.Parse<WorkloadHealth>(health) : WorkloadHealth.Healthy;
        Sidecar = spec["sidecar"] is JsonObject sidecar ? WorkloadSidecar.From(sidecar) : null;
    }

    /// <summary>IP address that others reach it at.</summary>
    public string Address { get; }

    /// <summary>Ports of the application, by name.</summary>
    public ImmutableSortedDictionary<string, int> Ports { get; }

    public string ServiceAccount { get; }

    /// <summary>Empty when not told.</summary>
    public string Version { get; }

    public string Region { get; }

    public string Zone { get; }

    /// <summary>Share of traffic compared with its siblings, 1 to 10,000; default 1.</summary>
    public int Weight { get; }

    /// <summary>What it says of itself. A process that was killed goes on saying that it is healthy: see <see cref="HealthInMesh"/>.</summary>
    public WorkloadHealth Health { get; }

    /// <summary>What the mesh makes of it, in a word: <c>Healthy</c> when it takes requests, else the reason of its condition <c>Ready=False</c>, as
    /// <c>LeaseExpired</c>. A pure client, which has no ports and so nobody to be selected by, is as healthy as it says.</summary>
    public string HealthInMesh => ReadyCondition() is { } ready && ready["status"]?.ToString() == "False" && ready["reason"]?.ToString() is { } reason
        && (reason != "NotSelected" || !Ports.IsEmpty) ? reason : Health.ToString();

    /// <summary>The proxy beside it; null when it is reached directly and in plaintext.</summary>
    public WorkloadSidecar? Sidecar { get; }

    private JsonObject? ReadyCondition() =>
        (Status?["conditions"] as JsonArray)?.OfType<JsonObject>().FirstOrDefault(c => c["type"]?.ToString() == "Ready");
}

/// <summary>Where a workload's proxy listens.</summary>
/// <param name="Inbound">For each application port by name, the port that takes mesh traffic for it.</param>
/// <param name="OutboundPort">Loopback port of the forward proxy; null when it has none.</param>
/// <param name="AdminPort">Loopback port of the admin listener; null when it has none.</param>
public sealed record WorkloadSidecar(ImmutableSortedDictionary<string, int> Inbound, int? OutboundPort, int? AdminPort)
{
    internal static WorkloadSidecar From(JsonObject json) => new(json.IntMap("inbound"), json.Int("outboundPort"), json.Int("adminPort"));
}

public enum MtlsMode
{
    /// <summary>Sidecars take mutual TLS and plaintext.</summary>
    Permissive,

    /// <summary>Sidecars take mutual TLS only.</summary>
    Strict,
}

/// <summary>What two Weft proxies speak with each other; what applications speak is theirs to choose.</summary>
public enum MeshProtocol
{
    /// <summary>Requests share few connections, whatever version the applications speak.</summary>
    Http2,

    /// <summary>One request at a time per connection.</summary>
    Http1,
}

/// <summary>weft.dev/v1alpha1 Mesh: settings of the whole mesh; cluster scoped, the one object is called <c>default</c>.</summary>
public sealed class Mesh : ResourceObject
{
    internal Mesh(JsonObject json) : base(ResourceKinds.Mesh, json)
    {
        var spec = json.Object("spec");
        TrustDomain = spec.Text("trustDomain") ?? "weft.local";
        Mtls = spec.Text("mtls") is { } mtls ? Enum.Parse<MtlsMode>(mtls) : MtlsMode.Permissive;
        Protocol = spec.Text("meshProtocol") is { } protocol ? Enum.Parse<MeshProtocol>(protocol) : MeshProtocol.Http2;
        Egress = spec.Text("egress") is { } egress ? Enum.Parse<EgressMode>(egress) : EgressMode.Allow;
        VirtualAddresses = VirtualAddressRanges.From(spec.Object("virtualAddresses"));
        Defaults = MeshDefaults.From(spec.Object("defaults"));
    }

    public string TrustDomain { get; }

    public MtlsMode Mtls { get; }

    /// <summary>Spoken between proxies (<c>spec.meshProtocol</c>). Default <see cref="MeshProtocol.Http2"/>.</summary>
    public MeshProtocol Protocol { get; }

    /// <summary>What becomes of intercepted connections that lead out of the mesh (<c>spec.egress</c>). Default <see cref="EgressMode.Allow"/>.</summary>
    public EgressMode Egress { get; }

    public VirtualAddressRanges VirtualAddresses { get; }

    public MeshDefaults Defaults { get; }
}

public enum EgressMode
{
    /// <summary>Passed through untouched, and counted.</summary>
    Allow,

    /// <summary>Refused, with an answer that names the policy.</summary>
    Deny,
}

/// <summary>Where Services get their virtual addresses from.</summary>
/// <param name="Ipv4">CIDR, a prefix of 8 to 30. Default <c>240.240.0.0/16</c>: class E, which no network routes, so that no real address is hidden by it.</param>
/// <param name="Ipv6">CIDR, a prefix of 16 to 126. Default <c>fd77:6566:7400::/112</c>, a unique local range (RFC 4193).</param>
public sealed record VirtualAddressRanges(string Ipv4, string Ipv6)
{
    public static VirtualAddressRanges Default { get; } = new("240.240.0.0/16", "fd77:6566:7400::/112");

    internal static VirtualAddressRanges From(JsonObject json) => new(json.Text("ipv4") ?? Default.Ipv4, json.Text("ipv6") ?? Default.Ipv6);
}

/// <summary>What holds where no policy says otherwise. The initial values are those of a mesh that says nothing.</summary>
public sealed record MeshDefaults
{
    /// <summary>Time to open a connection. Default 1 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Silence after which TCP probes a connection to or from another workload, to find out whether it is still there; three probes, a third of this apart, without an
    /// answer end it. Up to 9 hours; zero probes none. Default 30 s.</summary>
    public TimeSpan TcpKeepalive { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time for a whole request; zero is none. Default none: streams live.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.Zero;

    /// <summary>How long a request may move no byte; zero is for ever. Default 5 min.</summary>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a closing listener lets requests finish. Default 30 s.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Retries of requests proven unprocessed, 0 to 10. Default 2.</summary>
    public int Retries { get; init; } = 2;

    /// <summary>Retries of requests that the destination may have felt, in percent of its requests of the last 10 s, 0 to 100. Default 20.</summary>
    public uint RetryBudgetPercent { get; init; } = 20;

    /// <summary>Retries in each second that are allowed whatever the share is. Default 10.</summary>
    public uint RetryBudgetMinPerSecond { get; init; } = 10;

    /// <summary>Connections per destination and proxy. Default 1,024.</summary>
    public uint MaxConnections { get; init; } = 1024;

    /// <summary>Requests waiting for a connection, per destination and proxy. Default 1,024.</summary>
    public uint MaxPendingRequests { get; init; } = 1024;

    /// <summary>Requests in flight, per destination and proxy. Default 65,536.</summary>
    public uint MaxRequests { get; init; } = 65_536;

    /// <summary>Size of all request header fields in KiB, 1 to 8,192. Default 64.</summary>
    public int MaxRequestHeadersKiB { get; init; } = 64;

    /// <summary>Number of request header fields, 1 to 10,000. Default 100.</summary>
    public int MaxRequestHeaders { get; init; } = 100;

    internal static MeshDefaults From(JsonObject json)
    {
        var initial = new MeshDefaults();
        return new MeshDefaults
        {
            ConnectTimeout = json.Duration("connectTimeout")?.Value ?? initial.ConnectTimeout,
            TcpKeepalive = json.Duration("tcpKeepalive")?.Value ?? initial.TcpKeepalive,
            RequestTimeout = json.Duration("requestTimeout")?.Value ?? initial.RequestTimeout,
            StreamIdleTimeout = json.Duration("streamIdleTimeout")?.Value ?? initial.StreamIdleTimeout,
            DrainTimeout = json.Duration("drainTimeout")?.Value ?? initial.DrainTimeout,
            Retries = json.Int("retries") ?? initial.Retries,
            RetryBudgetPercent = (uint)(json.Int("retryBudgetPercent") ?? (int)initial.RetryBudgetPercent),
            RetryBudgetMinPerSecond = (uint)(json.Long("retryBudgetMinPerSecond") ?? initial.RetryBudgetMinPerSecond),
            MaxConnections = (uint)(json.Long("maxConnections") ?? initial.MaxConnections),
            MaxPendingRequests = (uint)(json.Long("maxPendingRequests") ?? initial.MaxPendingRequests),
            MaxRequests = (uint)(json.Long("maxRequests") ?? initial.MaxRequests),
            MaxRequestHeadersKiB = json.Int("maxRequestHeadersKiB") ?? initial.MaxRequestHeadersKiB,
            MaxRequestHeaders = json.Int("maxRequestHeaders") ?? initial.MaxRequestHeaders,
        };
    }
}
