using System.Collections.Immutable;
using System.Net;

namespace Weft.Routing.Names;

/// <summary>What a listener that answers questions for names does (envoy.filters.udp.dns_filter, and beside it weft.v1.mesh_names). Immutable.</summary>
public sealed class DnsServer
{
    /// <summary>Names written in the configuration.</summary>
    public DnsTable Table { get; init; } = DnsTable.Empty;

    /// <summary>Names of the mesh; null: none are known here.</summary>
    public MeshDomain? Mesh { get; init; }

    /// <summary>Who is asked for all others; null: they are refused.</summary>
    public DnsForwarding? Forwarding { get; init; }

    public DnsCacheLimits Cache { get; init; } = new();

    /// <summary>Largest datagram sent and received, in bytes. Default 1,232: what passes every path of IPv6 unfragmented (RFC 9715). 512 to 4,096.</summary>
    public int MaxDatagramBytes { get; init; } = 1232;

    /// <summary>Clients' questions that wait for somebody's answer at one time, another resolver's or the control plane's, per worker and address; more are answered SERVFAIL. Default 1,024:
    /// one that is forwarded holds a socket, unless others wait for the same.</summary>
    public int MaxPending { get; init; } = 1024;

    /// <summary>A connection without a question is closed after this, one that never completes its question too. Default 10 s (RFC 7766 section 6.2.3: a few seconds).</summary>
    public TimeSpan TcpIdleTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Questions of one connection that may be under way; more are not read until one is answered. Default 64.</summary>
    public int TcpPending { get; init; } = 64;
}

/// <summary>How names of the mesh are told from others, and answered.</summary>
/// <param name="DefaultNamespace">Namespace of a name with one label.</param>
/// <param name="DomainSuffixes">What may follow <c>service.namespace</c>; longest first, lower case, without leading dot.</param>
/// <param name="SearchDomains">What resolvers append to a name before they ask for it as it was written; longest first, lower case, without leading dot.</param>
public sealed record MeshDomain(string DefaultNamespace, ImmutableArray<string> DomainSuffixes, ImmutableArray<string> SearchDomains)
{
    /// <summary>How long a question waits for the control plane, the first time that a name is asked for. Default 1 s: a client's own patience is 5 s, and it may have to be forwarded after that.</summary>
    public TimeSpan LookupTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long clients may keep a service's virtual addresses. Default 30 s. They stay the same for as long as the service exists, so this is how long one that was deleted and made anew can be missed.</summary>
    public TimeSpan AnswerTtl { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long clients may keep the addresses of a headless service's endpoints, which come and go. Default 5 s, that of CoreDNS.</summary>
    public TimeSpan EndpointTtl { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>How questions go to other resolvers.</summary>
/// <param name="Servers">Asked in turn; empty: those of the machine (/etc/resolv.conf).</param>
public sealed record DnsForwarding(ImmutableArray<IPEndPoint> Servers)
{
    /// <summary>How long one server is waited for. Default 1 s.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Least number of attempts for one question; each server is asked once in any case. Default 2: one lost datagram is no failure.</summary>
    public int Attempts { get; init; } = 2;

    /// <summary>Never ask over UDP. Default false.</summary>
    public bool TcpOnly { get; init; }
}

/// <summary>What is kept of answers of other resolvers, per worker and address.</summary>
public sealed record DnsCacheLimits
{
    /// <summary>Default 10,000; 0 keeps nothing.</summary>
    public int MaxEntries { get; init; } = 10_000;

    /// <summary>Default 4 MiB, with what the bookkeeping takes.</summary>
    public int MaxBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Longest life of an answer with records. Default 1 day.</summary>
    public TimeSpan MaxTtl { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Longest life of "no such name" and "no such records". Default 5 min: RFC 2308 allows hours, and a name that has just been made is asked for too early by somebody.</summary>
    public TimeSpan MaxNegativeTtl { get; init; } = TimeSpan.FromMinutes(5);
}
