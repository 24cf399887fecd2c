using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Weft.Routing.Clusters;
using Endpoint = Envoy.Config.Endpoint.V3.Endpoint;
using SocketAddress = Envoy.Config.Core.V3.SocketAddress;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Resolves the names of DNS clusters again and again, off the configuration thread, and hands the addresses over as endpoint assignments.
/// A name that cannot be resolved keeps its last addresses: an outage of DNS is not one of the service.
/// </summary>
/// <param name="thread">Where the assembler lives.</param>
/// <param name="resolve">Host to addresses; <see cref="Dns.GetHostAddressesAsync(string, CancellationToken)"/> outside tests.</param>
internal sealed class DnsRefresh(ConfigThread thread, ConfigAssembler assembler, Func<string, CancellationToken, Task<IPAddress[]>> resolve, TimeProvider time)
{
    private readonly Dictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);
    private readonly HashSet<string> _running = new(StringComparer.Ordinal);

    /// <summary>Soonest resolution; null without DNS clusters. Configuration thread.</summary>
    public DateTimeOffset? NextDeadline => _due.Count == 0 ? null : _due.Values.Min();

    /// <summary>Starts the resolutions that are due. Configuration thread.</summary>
    public void Turn(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        var clusters = assembler.DnsClusters.ToDictionary(c => c.Name);
        foreach (var gone in _due.Keys.Where(n => !clusters.ContainsKey(n)).ToList()) _due.Remove(gone);
        foreach (var (name, cluster) in clusters)
        {
            if (_running.Contains(name) || (_due.TryGetValue(name, out var due) && due > now)) continue;
            _due.Remove(name);
            _running.Add(name);
            _ = ResolveAsync(cluster, stop);
        }
    }

    private async Task ResolveAsync(Cluster cluster, CancellationToken stop)
    {
        byte[]? assignment = null;
        try
        {
            assignment = await AssignmentAsync(cluster, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or OperationCanceledException)
        {
            // Tried again at the next refresh.
        }
        thread.Post(() =>
        {
            _running.Remove(cluster.Name);
            _due[cluster.Name] = time.GetUtcNow() + cluster.DnsRefreshRate;
            if (assignment is not null) assembler.SetResolved(Binder.AssignmentOf(cluster)!, assignment);
        });
    }

    private async Task<byte[]> AssignmentAsync(Cluster cluster, CancellationToken stop)
    {
        var locality = new LocalityLbEndpoints();
        foreach (var target in cluster.DnsTargets)
        {
            var addresses = await resolve(target.Host, stop).ConfigureAwait(false);
            // LOGICAL_DNS is one endpoint at whatever the name means at the moment; STRICT_DNS spreads over all that it means.
            if (cluster.Type == DiscoveryType.LogicalDns) AddEndpoint(locality, target, Interleave(addresses));
            else foreach (var address in addresses.Distinct()) AddEndpoint(locality, target, [address]);
        }
        return new ClusterLoadAssignment { ClusterName = Binder.AssignmentOf(cluster), Endpoints = { locality } }.ToByteArray();
    }
    private static void AddEndpoint(LocalityLbEndpoints locality, DnsTarget target, IReadOnlyList<IPAddress> addresses)
    {
        if (addresses.Count == 0) return;
        var endpoint = new Endpoint { Address = AddressOf(target, addresses[0]) };
        endpoint.AdditionalAddresses.AddRange(addresses.Skip(1).Select(a => new Endpoint.Types.AdditionalAddress { Address = AddressOf(target, a) }));
        locality.LbEndpoints.Add(new LbEndpoint { Endpoint = endpoint, LoadBalancingWeight = target.Weight });
    }

    private static Address AddressOf(DnsTarget target, IPAddress address) =>
        new() { SocketAddress = new SocketAddress { Address = address.ToString(), PortValue = (uint)target.Port } };

    /// <summary>Families take turns, beginning with the resolver's first choice (RFC 8305 section 4): when one family does not work at all, the second attempt does.</summary>
    private static List<IPAddress> Interleave(IPAddress[] addresses)
    {
        var distinct = addresses.Distinct().ToList();
        if (distinct.Count == 0) return distinct;
        var first = distinct.Where(a => a.AddressFamily == distinct[0].AddressFamily).ToList();
        var second = distinct.Where(a => a.AddressFamily != distinct[0].AddressFamily).ToList();
        var order = new List<IPAddress>(distinct.Count);
        for (var i = 0; order.Count < distinct.Count; i++)
        {
            if (i < first.Count) order.Add(first[i]);
            if (i < second.Count) order.Add(second[i]);
        }
        return order;
    }
}
