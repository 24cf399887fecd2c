using System.Collections.Immutable;
using Weft.Cli.Interception;
using Weft.Resources;

namespace Weft.Cli.Running;

/// <summary>A port of the application and the sidecar's port that takes mesh traffic for it.</summary>
public readonly record struct SidecarInbound(string Name, int Port, int Listen);

/// <summary>What a sidecar tells the control plane of itself (node metadata <c>weft.dev</c>), from which its listeners are made.</summary>
public sealed record SidecarNode
{
    /// <summary>Where a sidecar answers its admin requests when its Workload does not say.</summary>
    public const int DefaultAdminPort = 15000;

    public required string Workload { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>Name under which its numbers are kept.</summary>
    public required string Service { get; init; }

    /// <summary>Empty when not told.</summary>
    public string Version { get; init; } = "";

    /// <summary>IP address that others reach it at.</summary>
    public required string Address { get; init; }

    public ImmutableArray<SidecarInbound> Inbound { get; init; } = [];

    /// <summary>Loopback port of the forward proxy; null for none.</summary>
    public int? OutboundPort { get; init; }

    public ImmutableArray<Upstream> Upstreams { get; init; } = [];

    /// <summary>Loopback port of the admin listener.</summary>
    public required int AdminPort { get; init; }

    /// <summary>Where redirected connections and questions for names come in; null for neither.</summary>
    public RedirectPlan? Redirected { get; init; }

    /// <summary>Path of the network namespace that they come from; empty for the proxy's own.</summary>
    public string NetworkNamespace { get; init; } = "";

    /// <summary>That of a run.</summary>
    /// <param name="place">The application's own network namespace; null for the machine's.</param>
    public static SidecarNode Of(WorkloadObjects objects, ApplicationNamespace? place = null)
    {
        var (options, ports) = (objects.Options, objects.Ports);
        return new SidecarNode
        {
            Workload = objects.Name,
            Namespace = options.Namespace,
            ServiceAccount = options.ServiceAccount,
            Service = options.Service,
            Version = options.Version,
            Address = options.Address,
            Inbound = options.Port is { } port && ports.Inbound is { } listen ? [new SidecarInbound(objects.PortName, port, listen)] : [],
            OutboundPort = ports.Outbound,
            Upstreams = options.Upstreams,
            AdminPort = ports.Admin,
            Redirected = place is null ? null : ApplicationNamespace.Plan,
            NetworkNamespace = place?.Path ?? "",
        };
    }

    /// <summary>That of a Workload which somebody has written.</summary>
    /// <param name="transparent">True for the sidecar that takes what is redirected on its machine.</param>
    /// <exception cref="CliException">The Workload has none.</exception>
    public static SidecarNode Of(Workload workload, bool transparent)
    {
        var (name, labels) = (workload.Metadata.Name, workload.Metadata.Labels);
        var sidecar = workload.Sidecar ?? throw new CliException(
            $"Workload {workload.Metadata.Namespace}/{name} has no sidecar: say in its spec.sidecar.inbound which port takes mesh traffic for each of its ports, as {{http: 20080}}, and {{}} for a pure client");
        return new SidecarNode
        {
            Workload = name,
            Namespace = workload.Metadata.Namespace,
            ServiceAccount = workload.ServiceAccount,
            Service = labels.GetValueOrDefault("app.kubernetes.io/name") ?? labels.GetValueOrDefault("app") ?? name,
            Version = workload.Version,
            Address = workload.Address,
            Inbound = [.. sidecar.Inbound.Select(i => new SidecarInbound(i.Key, workload.Ports[i.Key], i.Value))],
            OutboundPort = sidecar.OutboundPort,
            AdminPort = sidecar.AdminPort ?? DefaultAdminPort,
            Redirected = transparent ? new RedirectPlan { Names = NameRedirect.Everything(RedirectPlan.DefaultNamesPort) } : null,
        };
    }
}
