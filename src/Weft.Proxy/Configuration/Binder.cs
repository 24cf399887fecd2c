using System.Collections.Immutable;
using Weft.Proxy.Security;
using Weft.Routing.Clusters;
using Weft.Routing.Listeners;

namespace Weft.Proxy.Configuration;

/// <summary>Joins what was compiled with what lives: endpoints, state, TLS contexts.</summary>
internal sealed class Binder(TlsContexts tls, StateRegistry states)
{
    /// <summary>ALPN names of Weft's own protocols begin so.</summary>
    public const string MeshAlpnPrefix = "weft-";

    /// <summary>Between two proxies: the bytes of a connection, as they come.</summary>
    public const string ByteAlpn = "weft-tcp";

    /// <summary>The name of a cluster's endpoint assignment; null when the endpoints are written in the cluster, or come with each connection.</summary>
    public static string? AssignmentOf(Cluster cluster) => cluster.Type switch
    {
        DiscoveryType.Static or DiscoveryType.OriginalDestination => null,
        DiscoveryType.Eds => cluster.EdsServiceName,
        _ => $"dns:{cluster.Name}", // no EDS resource is called so by Weft, and another server's could only be empty here
    };

    /// <exception cref="TlsException">TLS material written in the cluster cannot be used.</exception>
    public BoundCluster Bind(Cluster cluster, EndpointSet endpoints) =>
        new(cluster, endpoints, states.Cluster(cluster.Name), [.. cluster.Transports.Select(Bind)]);

    /// <exception cref="TlsException">TLS material written in the listener cannot be used.</exception>
    public BoundListener Bind(Listener listener)
    {
        var chains = listener.FilterChains.Select(Bind);
        return new BoundListener(listener, [.. listener.DefaultFilterChain is { } last ? chains.Append(Bind(last)) : chains]);
    }

    /// <summary>The same cluster with its contexts of now; the same object when none has changed.</summary>
    public BoundCluster Rebind(BoundCluster bound)
    {
        var next = ImmutableArray.CreateBuilder<TransportBinding>(bound.Tls.Length);
        for (var i = 0; i < bound.Tls.Length; i++)
        {
            var binding = Bind(bound.Cluster.Transports[i]);
            next.Add(binding == bound.Tls[i] ? bound.Tls[i] : binding);
        }
        var bindings = next.MoveToImmutable();
        return bindings.AsSpan().SequenceEqual(bound.Tls.AsSpan(), ReferenceEqualityComparer.Instance) ? bound : bound with { Tls = bindings };
    }

    /// <summary>The same listener with its contexts of now; the same object when none has changed, and else the same object for each chain that has not.</summary>
    public BoundListener Rebind(BoundListener bound)
    {
        var chains = bound.Chains.Select(c => ReferenceEquals(Context(c.Chain), c.Tls) ? c : Bind(c.Chain)).ToImmutableArray();
        return chains.AsSpan().SequenceEqual(bound.Chains.AsSpan(), ReferenceEqualityComparer.Instance) ? bound : new BoundListener(bound.Listener, chains);
    }

    private TransportBinding Bind(TransportSocket socket)
    {
        if (socket.Tls is not { } settings)
            return socket.Announces == ProxyProtocolVersions.None ? TransportBinding.Plaintext : TransportBinding.Plaintext with { Announces = socket.Announces };
        var isMesh = settings.Common.Alpn.Any(a => a.StartsWith(MeshAlpnPrefix, StringComparison.Ordinal));
        return new TransportBinding(true, tls.For(settings), settings.Sni, isMesh, socket.Announces);
    }

    private BoundChain Bind(FilterChain chain) => new(chain, Context(chain));

    private ServerTls? Context(FilterChain chain) => chain.Tls is { } settings ? tls.For(settings) : null;
}
