using System.Collections.Immutable;

namespace Weft.Cli.Running;

/// <summary>A local port that leads to one service, for applications that cannot use a proxy.</summary>
/// <param name="Port">Loopback port that the sidecar opens.</param>
/// <param name="Target">Service key, <c>catalog.default:80</c>.</param>
public sealed record Upstream(int Port, string Target);

/// <summary>What <c>weft run</c> was asked to run.</summary>
public sealed record RunOptions
{
    public required string Service { get; init; }

    public string Namespace { get; init; } = "default";

    /// <summary>Empty when not told.</summary>
    public string Version { get; init; } = "";

    /// <summary>Where the application listens; null for a pure client, which becomes no Service.</summary>
    public int? Port { get; init; }

    /// <summary>What the application speaks on its port: a port name that says so (<c>http</c>, <c>http2</c>, <c>grpc</c>, <c>tcp</c>, <c>tls</c>). Default <c>http</c>.</summary>
    public string Protocol { get; init; } = "http";

    /// <summary>Identity; the service's name when not told.</summary>
    public required string ServiceAccount { get; init; }

    /// <summary>Address that others reach this workload's sidecar at. Default loopback: one machine.</summary>
    public string Address { get; init; } = "127.0.0.1";

    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public ImmutableArray<Upstream> Upstreams { get; init; } = [];

    /// <summary>True to give the application a network namespace of its own, in which all its connections lead to the sidecar. Default false: it is told of the sidecar by <c>http_proxy</c>.</summary>
    public bool Transparent { get; init; }

    /// <summary>The application and its arguments.</summary>
    public required ImmutableArray<string> Command { get; init; }
}
