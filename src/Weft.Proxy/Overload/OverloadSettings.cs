namespace Weft.Proxy.Overload;

/// <summary>How much this process takes on.</summary>
internal sealed record OverloadSettings
{
    /// <summary>No limit.</summary>
    public const long None = long.MaxValue;

    /// <summary>Accepted connections of the process (<c>--max-connections</c>). Default: what its descriptors allow (<see cref="SystemLimits.DefaultConnections"/>).</summary>
    public long MaxConnections { get; init; } = None;

    /// <summary>Accepted connections of each listener (<c>--max-listener-connections</c>). Default: none but the process's.</summary>
    public long MaxListenerConnections { get; init; } = None;

    /// <summary>TLS handshakes at one time, per worker (<c>--max-handshakes</c>). Default 1,024: a handshake costs half a millisecond of processor time, so these are half a second of work.</summary>
    public int MaxHandshakes { get; init; } = 1024;

    /// <summary>Host names that the system's resolver is asked for at one time (<c>--max-host-lookups</c>). Default 64: it holds a thread for each, and more would only wait for one.</summary>
    public int MaxHostLookups { get; init; } = 64;

    /// <summary>Resident bytes of the process (<c>--memory-limit-mb</c>). Default: its cgroup's limit, else none.</summary>
    public long MemoryBytes { get; init; } = None;

    /// <summary>How often memory is looked at. Default 200 ms.</summary>
    public TimeSpan MemoryLook { get; init; } = TimeSpan.FromMilliseconds(200);
}
