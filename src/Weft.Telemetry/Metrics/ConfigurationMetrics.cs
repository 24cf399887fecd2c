namespace Weft.Telemetry.Metrics;

/// <summary>What a proxy says of the configuration it receives. Any thread may call any member.</summary>
public sealed class ConfigurationMetrics
{
    private const string Updates = "weft_config_updates_total";
    private const string UpdatesHelp = "Configuration resources received, by xDS type and by what became of them.";

    private readonly Lock _lock = new(); // guards _updates
    private readonly Dictionary<(string Type, string Result), Counter> _updates = [];
    private readonly MetricsRegistry _registry;

    /// <param name="connected">Whether the stream to the control plane is open.</param>
    /// <param name="certificateExpires">When the proxy's own certificate expires; null without one.</param>
    /// <param name="unknownFields">Fields received so far that this version does not know.</param>
    public ConfigurationMetrics(MetricsRegistry registry, Func<bool> connected, Func<DateTimeOffset?> certificateExpires, Func<long> unknownFields)
    {
        _registry = registry;
        registry.AddCounter("weft_config_unknown_fields_total",
            "Fields received that this version does not know; they were accepted and have no effect.", () => unknownFields());
        registry.AddGauge("weft_control_plane_connected", "1 while a configuration stream to the control plane is open, else 0.",
            () => connected() ? 1 : 0);
        registry.AddGauge("weft_certificate_expiry_timestamp_seconds", "When the proxy's own certificate expires, in Unix time; 0 without one.",
            () => certificateExpires()?.ToUnixTimeSeconds() ?? 0);
    }

    /// <summary>A resource became active.</summary>
    /// <param name="type">Short name of the xDS type: <c>listener</c>, <c>route</c>, <c>cluster</c>, <c>endpoint</c>, <c>secret</c>, <c>name</c>.</param>
    public void Accepted(string type) => Update(type, "accepted");

    /// <summary>A resource was refused; the one before it stays active.</summary>
    public void Rejected(string type) => Update(type, "rejected");

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
