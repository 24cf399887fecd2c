using System.Collections.Immutable;
using Weft.Resources;

namespace Weft.Control.Model;

/// <summary>A Service with the ports that the mesh carries (TCP). A Service of type ExternalName has none.</summary>
/// <param name="Source">The object.</param>
/// <param name="Ports">By number.</param>
/// <param name="Claims">Routes of connections that name it, sorted: they say something of ports that do not say it themselves.</param>
public sealed record MeshService(Service Source, ImmutableArray<MeshServicePort> Ports, ImmutableArray<PortClaim> Claims)
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
/// <param name="Protocol">What it carries, and what says so.</param>
public sealed record MeshServicePort(ServicePortKey Key, string Name, PortTarget Target, ResourceKey Service, PortProtocolDecision Protocol)
{
    /// <summary>It may carry requests.</summary>
    public bool CarriesHttp => Protocol.Protocol is PortProtocol.Http or PortProtocol.Http2 or PortProtocol.Undeclared;

    /// <summary>It may carry bytes that nobody looks into.</summary>
    public bool CarriesBytes => Protocol.Protocol is PortProtocol.Tcp or PortProtocol.Tls or PortProtocol.Undeclared;
}
