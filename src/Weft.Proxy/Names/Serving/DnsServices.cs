using Weft.Proxy.Names.Forwarding;

namespace Weft.Proxy.Names.Serving;

/// <summary>What all listeners for names of a process share.</summary>
/// <param name="Metrics">What is counted.</param>
/// <param name="Machine">The machine's resolvers.</param>
internal sealed record DnsServices(DnsMetrics Metrics, MachineResolvers Machine);
