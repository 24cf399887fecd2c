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
            // LOGICAL_DNS connects to whatever the name means at the moment; STRICT_DNS spreads over all that it means.
            foreach (var address in cluster.Type == DiscoveryType.LogicalDns ? addresses.Take(1) : addresses.Distinct())
            {
                var socket = new SocketAddress { Address = address.ToString(), PortValue = (uint)target.Port };
                locality.LbEndpoints.Add(new LbEndpoint { Endpoint = new Endpoint { Address = new Address { SocketAddress = socket } }, LoadBalancingWeight = target.Weight });
            }
        }
        return new ClusterLoadAssignment { ClusterName = Binder.AssignmentOf(cluster), Endpoints = { locality } }.ToByteArray();
    }
}
