using System.Collections.Immutable;
using Weft.Control.Model;

namespace Weft.Control.Translation;

/// <summary>What a name or a virtual address stands for, for the proxies that answer for it.</summary>
internal static class NameTranslation
{
    /// <param name="service">The service.</param>
    /// <param name="endpoints">Of each of its ports where it is headless; else empty.</param>
    public static Weft.V1.Name Of(MeshService service, ImmutableArray<MeshEndpoints> endpoints)
    {
        var source = service.Source;
        var name = new Weft.V1.Name { Service = source.Metadata.Name, Namespace = source.Metadata.Namespace, Headless = source.IsHeadless };
        name.Addresses.Add(source.IsHeadless ? endpoints.SelectMany(e => e.Endpoints).Select(e => e.Address).Distinct().Order(StringComparer.Ordinal) : source.VirtualAddresses);
        name.Ports.Add(service.Ports.Select(p => (uint)p.Key.Port));
        return name;
    }
}
