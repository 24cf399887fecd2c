using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model.Stages;

/// <summary>Fourth stage: where each port of each service is, from the Workloads that the Service selects and the EndpointSlices that name it.</summary>
internal static class EndpointStage
{
    public static ImmutableSortedDictionary<ServicePortKey, MeshEndpoints> Run(
        ImmutableSortedDictionary<ResourceKey, MeshService> services, ImmutableSortedDictionary<ResourceKey, MeshWorkload> workloads,
        IEnumerable<EndpointSlice> slices, ImmutableSortedDictionary<ServicePortKey, MeshEndpoints>? previous, RebuildCounter counts)
    {
        var selection = new LabelIndex(workloads.Values);
        var slicesOf = slices.Where(s => s.ServiceName is not null).OrderBy(s => s.Key)
            .ToLookup(s => new ResourceKey("", "Service", s.Metadata.Namespace, s.ServiceName!));
        var next = ImmutableSortedDictionary.CreateBuilder<ServicePortKey, MeshEndpoints>();
        foreach (var service in services.Values)
        {
            var sources = new EndpointSources(selection.Select(service.Source.Metadata.Namespace, service.Source.Selector), [.. slicesOf[service.Source.Key]]);
            foreach (var port in service.Ports)
            {
                var old = previous?.GetValueOrDefault(port.Key);
                next.Add(port.Key, Reuse(old, port, sources, service.Source.PublishNotReadyAddresses, counts));
            }
        }
        return next.ToImmutable();
    }

    private static MeshEndpoints Reuse(MeshEndpoints? old, MeshServicePort port, EndpointSources sources, bool publishNotReady, RebuildCounter counts)
    {
        if (old is not null && ReferenceEquals(old.Port, port) && old.Sources.Same(sources) && old.PublishNotReady == publishNotReady) return old;
        var endpoints = Make(port, sources, publishNotReady);
        counts.Endpoints++;
        // A change that moved nothing (a label that no selector reads) keeps the list itself, which is what translation looks at.
        if (old is not null && old.Endpoints.AsSpan().SequenceEqual(endpoints.AsSpan())) endpoints = old.Endpoints;
        return new MeshEndpoints(port, endpoints, sources, publishNotReady);
    }

    private static ImmutableArray<MeshEndpoint> Make(MeshServicePort port, EndpointSources sources, bool publishNotReady)
    {
        var found = sources.Workloads.Where(w => w.TakesRequests).Select(w => FromWorkload(w, port.Target)).OfType<MeshEndpoint>()
            .Concat(sources.Slices.SelectMany(s => FromSlice(s, port, publishNotReady)));
        // A Workload says more than a slice (identity, sidecar), so it wins where both name one address.
        return
        [
            .. found.DistinctBy(e => (e.Address, e.Port))
                .OrderBy(e => e.Region, StringComparer.Ordinal).ThenBy(e => e.Zone, StringComparer.Ordinal)
                .ThenBy(e => e.Address, StringComparer.Ordinal).ThenBy(e => e.Port),
        ];
    }

    private static MeshEndpoint? FromWorkload(MeshWorkload workload, PortTarget target)
    {
        var source = workload.Source;
        if (ListeningPort(source, target) is not { } port) return null;
        return new MeshEndpoint
        {
            Address = source.Address,
            Port = port,
            Weight = source.Weight,
            HasSidecar = source.Sidecar is not null,
            Identity = workload.Identity.Text,
            Workload = $"{source.Metadata.Namespace}/{source.Metadata.Name}",
            Service = CanonicalService(source.Metadata),
            Version = source.Version,
            Region = source.Region,
            Zone = source.Zone,
        };
    }

    private static string CanonicalService(ResourceMetadata metadata) =>
        (metadata.Labels.GetValueOrDefault("app.kubernetes.io/name") ?? metadata.Labels.GetValueOrDefault("app")) is { Length: > 0 } name ? $"{metadata.Namespace}/{name}" : "";

    /// <summary>Where to connect for <paramref name="target"/>; null when the workload does not serve it. With a sidecar that is the sidecar's port and
    /// never the application's: a port that the sidecar does not take is not reached past it.</summary>
    internal static int? ListeningPort(Workload workload, PortTarget target)
    {
        var name = target.IsName ? target.Name : workload.Ports.FirstOrDefault(p => p.Value == target.Number).Key;
        if (workload.Sidecar is { } sidecar) return name is not null && sidecar.Inbound.TryGetValue(name, out var inbound) ? inbound : null;
        // As on Kubernetes, a number needs no declaration.
        if (!target.IsName) return target.Number;
        return workload.Ports.TryGetValue(target.Name, out var port) ? port : null;
    }

    private static IEnumerable<MeshEndpoint> FromSlice(EndpointSlice slice, MeshServicePort port, bool publishNotReady)
    {
        // Names of hosts are resolved by nobody here: such a slice has no addresses.
        var number = slice.Ports.FirstOrDefault(p => p.Name == port.Name && p.Protocol == "TCP")?.Port;
        if (slice.AddressType == "FQDN" || number is null) return [];
        return slice.Endpoints.Where(e => publishNotReady || (e.Ready && !e.Terminating))
            .Select(e => new MeshEndpoint { Address = e.Addresses[0], Port = number.Value, Zone = e.Zone });
    }
}
