using System.Collections.Frozen;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>What a port of a Service carries.</summary>
public enum PortProtocol
{
    /// <summary>Nobody has said: requests or bytes, which the first of them tells.</summary>
    Undeclared,

    /// <summary>Requests, in the version in which they were sent.</summary>
    Http,

    /// <summary>Requests to an application that speaks HTTP/2 alone.</summary>
    Http2,

    /// <summary>Bytes. Whoever connects may wait for the server's first word.</summary>
    Tcp,

    /// <summary>TLS that the application makes itself, told apart by the server name that is asked for.</summary>
    Tls,
}

/// <summary>A route of connections that names a Service as its parent, and with it says what the Service's ports carry.</summary>
/// <param name="Route">Key of the route.</param>
/// <param name="Port">The one port that it names; null for every one.</param>
/// <param name="SectionName">The one port that it names, by name; empty for every one.</param>
public sealed record PortClaim(ResourceKey Route, int? Port, string SectionName) : IComparable<PortClaim>
{
    public bool Covers(ServicePort port) => (Port is null || Port == port.Port) && (SectionName.Length == 0 || SectionName == port.Name);

    /// <summary>A TLSRoute first: a port of TLS takes the routes of either kind.</summary>
    public int CompareTo(PortClaim? other)
    {
        if (other is null) return 1;
        var c = -string.CompareOrdinal(Route.Kind, other.Route.Kind);
        if (c == 0) c = Route.CompareTo(other.Route);
        if (c == 0) c = Nullable.Compare(Port, other.Port);
        return c != 0 ? c : string.CompareOrdinal(SectionName, other.SectionName);
    }
}

/// <summary>What a port carries, and why that is thought.</summary>
/// <param name="Protocol">The decision.</param>
/// <param name="Reason">What decided it, as <c>appProtocol grpc</c>; for people.</param>
public sealed record PortProtocolDecision(PortProtocol Protocol, string Reason)
{
    /// <summary>Values of <c>appProtocol</c>, without case: those of Kubernetes (GEP-1911), of IANA's registry of services, and those that other meshes have taught people to write.</summary>
    private static readonly FrozenDictionary<string, PortProtocol> AppProtocols = Table(
        (PortProtocol.Http, "http kubernetes.io/ws grpc-web"),
        (PortProtocol.Http2, "http2 h2c kubernetes.io/h2c grpc"),
        (PortProtocol.Tls, "https tls kubernetes.io/wss"),
        (PortProtocol.Tcp, "tcp linkerd.io/opaque linkerd.io/tcp mysql mongo mongodb redis postgres postgresql smtp amqp kafka mqtt nats ldap"));

    /// <summary>Names of ports, up to the first hyphen (the convention of Istio and Knative).</summary>
    private static readonly FrozenDictionary<string, PortProtocol> Names = Table(
        (PortProtocol.Http, "http"),
        (PortProtocol.Http2, "http2 grpc"),
        (PortProtocol.Tls, "https tls"),
        (PortProtocol.Tcp, "tcp mongo mysql redis postgres"));

    /// <summary>Numbers of protocols in which the server speaks first, or that are never HTTP: SMTP and its submission, MySQL and Galera, PostgreSQL, Redis, Elasticsearch's transport, memcached.</summary>
    private static readonly FrozenSet<int> NeverHttp = FrozenSet.ToFrozenSet([25, 587, 3306, 4444, 5432, 6379, 9300, 11211]);

    /// <summary>Decides by the first of these that says anything: <c>appProtocol</c>, the port's name, a route of connections that attaches to it, its number.</summary>
    /// <param name="port">The port.</param>
    /// <param name="claim">The route of connections that names it first; null for none.</param>
    public static PortProtocolDecision Of(ServicePort port, PortClaim? claim)
    {
        if (AppProtocols.TryGetValue(port.AppProtocol, out var told)) return new(told, $"appProtocol {port.AppProtocol}");
        if (port.Name == "grpc-web" || port.Name.StartsWith("grpc-web-", StringComparison.Ordinal)) return new(PortProtocol.Http, $"port name {port.Name}");
        if (Names.TryGetValue(port.Name.Split('-')[0], out var named)) return new(named, $"port name {port.Name}");
        if (claim is not null) return new(claim.Route.Kind == ResourceKinds.TlsRoute.Kind ? PortProtocol.Tls : PortProtocol.Tcp, claim.Route.ToString());
        return NeverHttp.Contains(port.Port) ? new(PortProtocol.Tcp, $"well-known port {port.Port}") : new(PortProtocol.Undeclared, "nothing declares it");
    }

    private static FrozenDictionary<string, PortProtocol> Table(params ReadOnlySpan<(PortProtocol Protocol, string Words)> rows)
    {
        var table = new Dictionary<string, PortProtocol>(StringComparer.OrdinalIgnoreCase);
        foreach (var (protocol, words) in rows)
            foreach (var word in words.Split(' ')) table.Add(word, protocol);
        return table.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }
}
