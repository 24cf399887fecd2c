using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>A Service with the ports that the mesh carries (TCP). A Service of type ExternalName has none.</summary>
public sealed record MeshService(Service Source, ImmutableArray<MeshServicePort> Ports)
{
    public MeshServicePort? Port(int number)
    {
        foreach (var port in Ports)
            if (port.Key.Port == number) return port;
        return null;
    }
}

/// <summary>One port of a Service.</summary>
/// <param name="Key">Its name in xDS.</param>
/// <param name="Name">Its name in the Service; may be empty.</param>
/// <param name="Target">Where it leads on a workload.</param>
/// <param name="Service">Key of the Service.</param>
/// <param name="IsHttp2">Its application speaks HTTP/2 alone, as <c>appProtocol</c> says; else it is called in the version in which a request came.</param>
public sealed record MeshServicePort(ServicePortKey Key, string Name, PortTarget Target, ResourceKey Service, bool IsHttp2);
