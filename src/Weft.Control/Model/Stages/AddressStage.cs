using System.Net;

namespace Weft.Control.Model.Stages;

/// <summary>Which Service a virtual address stands for. The resource API gives each address once; where a cluster's own objects repeat one, the first Service by name has it.</summary>
internal static class AddressStage
{
    public static IReadOnlyDictionary<string, MeshService> Run(IEnumerable<MeshService> services)
    {
        var byAddress = new Dictionary<string, MeshService>(StringComparer.Ordinal);
        foreach (var service in services.Where(s => !s.Source.IsExternalName))
        {
            foreach (var text in service.Source.VirtualAddresses)
                if (IPAddress.TryParse(text, out var address)) byAddress.TryAdd(address.ToString(), service);
        }
        return byAddress;
    }
}
