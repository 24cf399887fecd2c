namespace Weft.Telemetry.Metrics;

/// <summary>What a proxy counts of the configuration it receives. Any thread may call any member.</summary>
public sealed class ConfigurationMetrics
{
    private const string Updates = "weft_config_updates_total";
    private const string UpdatesHelp = "Configuration resources received, by xDS type and by what became of them.";

    private readonly Lock _lock = new(); // guards _updates
    private readonly Dictionary<(string Type, string Result), Counter> _updates = [];
    private readonly MetricsRegistry _registry;
    private readonly Counter _unknownFields;
    private int _connected;
    private long _certificateExpiry;

    public ConfigurationMetrics(MetricsRegistry registry)
    {
        _registry = registry;
        _unknownFields = registry.AddCounter("weft_config_unknown_fields_total",
            "Fields received that this version does not know; they were accepted and have no effect.");
        registry.AddGauge("weft_control_plane_connected", "1 while a configuration stream to the control plane is open, else 0.",
            () => Volatile.Read(ref _connected));
        registry.AddGauge("weft_certificate_expiry_timestamp_seconds", "When the proxy's own certificate expires, in Unix time; 0 without one.",
            () => Volatile.Read(ref _certificateExpiry));
    }

    /// <summary>Whether the stream to the control plane is open.</summary>
    public bool Connected
    {
        get => Volatile.Read(ref _connected) == 1;
        set => Volatile.Write(ref _connected, value ? 1 : 0);
    }

    /// <summary>A resource became active.</summary>
    /// <param name="type">Short name of the xDS type: <c>listener</c>, <c>route</c>, <c>cluster</c>, <c>endpoint</c>, <c>secret</c>.</param>
    public void Accepted(string type) => Update(type, "accepted");

    /// <summary>A resource was refused; the one before it stays active.</summary>
    public void Rejected(string type) => Update(type, "rejected");

    public void UnknownFields(int count) => _unknownFields.Add(count);

    public void CertificateExpires(DateTimeOffset at) => Volatile.Write(ref _certificateExpiry, at.ToUnixTimeSeconds());

    private void Update(string type, string result)
    {
        Counter? counter;
        lock (_lock)
        {
            if (!_updates.TryGetValue((type, result), out counter))
                _updates[(type, result)] = counter = _registry.AddCounter(Updates, UpdatesHelp, ("type", type), ("result", result));
        }
        counter.Add();
    }
}
