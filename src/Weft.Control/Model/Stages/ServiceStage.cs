using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Third stage: services and the ports of them that the mesh carries.</summary>
internal static class ServiceStage
{
    /// <summary>Values of <c>appProtocol</c> that mean HTTP/2 without TLS (Gateway API GEP-1911) or what is only spoken over it.</summary>
    private static readonly ImmutableArray<string> Http2Protocols = ["kubernetes.io/h2c", "grpc"];

    public static ImmutableSortedDictionary<ResourceKey, MeshService> Run(
        IEnumerable<Service> services, ImmutableSortedDictionary<ResourceKey, MeshService>? previous, RebuildCounter counts)
    {
        var next = ImmutableSortedDictionary.CreateBuilder<ResourceKey, MeshService>();
        foreach (var service in services)
        {
            if (previous?.GetValueOrDefault(service.Key) is { } old && old.Source.SameIntent(service))
            {
                next.Add(service.Key, old);
                continue;
            }
            counts.Services++;
            next.Add(service.Key, Make(service, previous?.GetValueOrDefault(service.Key)));
        }
        return next.ToImmutable();
    }

    private static MeshService Make(Service service, MeshService? old)
    {
        if (service.IsExternalName) return new MeshService(service, []);
        var ports = service.Ports.Where(p => p.Protocol == "TCP").OrderBy(p => p.Port).Select(p =>
        {
            var key = new ServicePortKey(service.Metadata.Name, service.Metadata.Namespace, p.Port);
            var port = new MeshServicePort(key, p.Name, p.TargetPort, service.Key, Http2Protocols.Contains(p.AppProtocol));
            // A new port beside it leaves a port what it is, and with it the clusters and routes made of it.
            return old?.Port(p.Port) is { } same && same == port ? same : port;
        });
        return new MeshService(service, [.. ports]);
    }
}
