using Google.Protobuf;
using Weft.Telemetry.Metrics;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// What was received, for people to read: each resource's bytes as they came, with version, time and last refusal. The admin endpoint shows it; nothing
/// decides by it. Written by the configuration thread, read by any.
/// </summary>
/// <remarks>Bytes, not messages: a message is several times larger, and nobody may ever ask. Private keys are taken out on the way in, because a
/// managed copy of one must not outlive its loading.</remarks>
internal sealed class ConfigHistory(TimeProvider time)
{
    private readonly Lock _lock = new(); // guards all below
    private readonly Dictionary<string, ConfigRecord>[] _records = [.. XdsTypes.All.Select(_ => new Dictionary<string, ConfigRecord>(StringComparer.Ordinal))];
    private ReceivedConfig? _bootstrap;
    private long _changes;

    /// <summary>Counts what becomes of resources; null counts nothing.</summary>
    public ConfigurationMetrics? Metrics { get; init; }

    /// <summary>Moves whenever what is in use has changed.</summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>The bootstrap as it was read; null before.</summary>
    public ReceivedConfig? Bootstrap
    {
        get
        {
            lock (_lock) return _bootstrap;
        }
    }

    /// <summary>Keeps the bootstrap, its static resources included.</summary>
    public void ReadBootstrap(Envoy.Config.Bootstrap.V3.Bootstrap message)
    {
        var received = new ReceivedConfig("", Redaction.WithoutKeys(message).ToByteString(), time.GetUtcNow());
        lock (_lock) _bootstrap = received;
    }

    /// <summary>A resource of the bootstrap is in use.</summary>
    public void Static(XdsType type, string name, IMessage message)
    {
        var received = new ReceivedConfig("", Redaction.WithoutKeys(message).ToByteString(), time.GetUtcNow());
        lock (_lock) _records[(int)type][name] = new ConfigRecord(name, ConfigStatus.Accepted) { IsStatic = true, Active = received };
    }

    /// <summary>The management server is asked for a resource.</summary>
    public void Requested(XdsType type, string name) => Change(type, name, static (record, _) => record with { Status = record.Active is null ? ConfigStatus.Requested : record.Status });

    /// <summary>A resource has arrived and waits for others before requests use it (a route table for its clusters, a cluster for its endpoints).</summary>
    public void Warming(XdsType type, XdsResource resource) =>
        Change(type, resource.Name, (record, now) => record with { Warming = Received(type, resource, now) });

    /// <summary>A resource is in use.</summary>
    public void Accepted(XdsType type, XdsResource resource)
    {
        Change(type, resource.Name, (record, now) => new ConfigRecord(record.Name, ConfigStatus.Accepted) { Active = Received(type, resource, now) });
        Interlocked.Increment(ref _changes);
        Metrics?.Accepted(ShortName(type));
    }

    /// <summary>A resource was refused; the one before it, if any, stays in use.</summary>
    /// <param name="reason">As the management server is told.</param>
    public void Refused(XdsType type, XdsResource resource, string reason)
    {
        Change(type, resource.Name, (record, now) => record with
        {
            Status = ConfigStatus.Refused, Warming = null, Failure = new RefusedConfig(Received(type, resource, now), reason),
        });
        Metrics?.Rejected(ShortName(type));
    }

    /// <summary>The management server has said, or shown by silence, that there is no such resource, and it is still asked for.</summary>
    public void Absent(XdsType type, string name)
    {
        Change(type, name, static (record, _) => new ConfigRecord(record.Name, ConfigStatus.Absent));
        Interlocked.Increment(ref _changes);
    }

    /// <summary>A resource is no longer held nor asked for.</summary>
    public void Forgotten(XdsType type, string name)
    {
        lock (_lock) _records[(int)type].Remove(name);
        Interlocked.Increment(ref _changes);
    }

    /// <summary>All that is known of one type, by name.</summary>
    public IReadOnlyList<ConfigRecord> Of(XdsType type)
    {
        lock (_lock) return [.. _records[(int)type].Values.OrderBy(r => r.Name, StringComparer.Ordinal)];
    }

    /// <summary>Whether the resource came from the management server.</summary>
    public bool IsDynamic(XdsType type, string name)
    {
        lock (_lock) return _records[(int)type].TryGetValue(name, out var record) && !record.IsStatic;
    }

    private void Change(XdsType type, string name, Func<ConfigRecord, DateTimeOffset, ConfigRecord> change)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var records = _records[(int)type];
            records[name] = change(records.TryGetValue(name, out var known) ? known : new ConfigRecord(name, ConfigStatus.Requested), now);
        }
    }

    private static string ShortName(XdsType type) => type switch
    {
        XdsType.Cluster => "cluster",
        XdsType.Endpoint => "endpoint",
        XdsType.Listener => "listener",
        XdsType.Route => "route",
        XdsType.Name => "name",
        _ => "secret",
    };

    private static ReceivedConfig Received(XdsType type, XdsResource resource, DateTimeOffset now)
    {
        var shown = Redaction.WithoutKeys(type, resource.Body);
        return new(resource.Version, shown, now) { IsRedacted = !ReferenceEquals(shown, resource.Body) };
    }
}

/// <summary>One resource's past and present.</summary>
internal sealed record ConfigRecord(string Name, ConfigStatus Status)
{
    public bool IsStatic { get; init; }

    /// <summary>In use now.</summary>
    public ReceivedConfig? Active { get; init; }

    /// <summary>Waits to be used.</summary>
    public ReceivedConfig? Warming { get; init; }

    /// <summary>The last one refused, when nothing was accepted since.</summary>
    public RefusedConfig? Failure { get; init; }
}

/// <summary>A resource as it was received.</summary>
/// <param name="Version">The management server's; empty for static resources.</param>
/// <param name="Body">The serialized message, without private keys.</param>
/// <param name="At">When.</param>
internal sealed record ReceivedConfig(string Version, ByteString Body, DateTimeOffset At)
{
    /// <summary>A private key was taken out: the body is for people, and cannot be used again.</summary>
    public bool IsRedacted { get; init; }
}

/// <summary>A resource that was refused, and why.</summary>
internal sealed record RefusedConfig(ReceivedConfig Config, string Reason);

/// <summary>How far a resource has come (envoy.admin.v3.ClientResourceStatus).</summary>
internal enum ConfigStatus : byte
{
    Requested,
    Absent,
    Accepted,
    Refused,
}
