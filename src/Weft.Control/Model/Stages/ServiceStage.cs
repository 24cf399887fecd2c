using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Third stage: services and the ports of them that the mesh carries.</summary>
internal static class ServiceStage
{
    public static ImmutableSortedDictionary<ResourceKey, MeshService> Run(
        IEnumerable<Service> services, IEnumerable<ConnectionRoute> routes, ImmutableSortedDictionary<ResourceKey, MeshService>? previous, RebuildCounter counts)
    {
        var claims = Claims(routes);
        var next = ImmutableSortedDictionary.CreateBuilder<ResourceKey, MeshService>();
        foreach (var service in services)
        {
            ImmutableArray<PortClaim> own = [.. claims[service.Key].Order()];
            if (previous?.GetValueOrDefault(service.Key) is { } old && old.Source.SameIntent(service) && old.Claims.AsSpan().SequenceEqual(own.AsSpan()))
            {
                next.Add(service.Key, old);
                continue;
            }
            counts.Services++;
            next.Add(service.Key, Make(service, own, previous?.GetValueOrDefault(service.Key)));
        }
        return next.ToImmutable();
    }

    /// <summary>What routes of connections say of ports, by Service. Only those of the Service's own namespace: what a consumer writes is for his own calls.</summary>
    private static ILookup<ResourceKey, PortClaim> Claims(IEnumerable<ConnectionRoute> routes) => routes
        .SelectMany(r => r.ParentRefs.Where(p => p.IsService && (p.Namespace.Length == 0 || p.Namespace == r.Metadata.Namespace))
            .Select(p => (Service: new ResourceKey("", "Service", r.Metadata.Namespace, p.Name), Claim: new PortClaim(r.Key, p.Port, p.SectionName))))
        .ToLookup(c => c.Service, c => c.Claim);

    private static MeshService Make(Service service, ImmutableArray<PortClaim> claims, MeshService? old)
    {
        if (service.IsExternalName) return new MeshService(service, [], claims);
        var ports = service.Ports.Where(p => p.Protocol == "TCP").OrderBy(p => p.Port).Select(p =>
        {
            var key = new ServicePortKey(service.Metadata.Name, service.Metadata.Namespace, p.Port);
            var port = new MeshServicePort(key, p.Name, p.TargetPort, service.Key, PortProtocolDecision.Of(p, claims.FirstOrDefault(c => c.Covers(p))));
            // A new port beside it leaves a port what it is, and with it the clusters and routes made of it.
            return old?.Port(p.Port) is { } same && same == port ? same : port;
        });
        return new MeshService(service, [.. ports], claims);
    }
}
