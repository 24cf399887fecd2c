namespace Weft.Proxy.Configuration;

/// <summary>
/// The one reference that publishes configuration: written by the configuration thread with one <see cref="Volatile.Write"/>, read by
/// every request once.
/// </summary>
internal sealed class ConfigStore
{
    private ProxyConfig _current = ProxyConfig.Empty;

    public ProxyConfig Current => Volatile.Read(ref _current);

    /// <summary>Raised after a version became current, on the publishing thread. Subscribers hand themselves work and return.</summary>
    public event Action<ProxyConfig>? Published;

    /// <summary>Asks the management server for a route configuration by name; null when configuration is static. Safe on any thread, cheap to call again.</summary>
    public Action<string>? WantRoute { get; set; }

    /// <summary>The same for a name or an address (weft.v1.Name).</summary>
    public Action<string>? WantName { get; set; }

    public void Publish(ProxyConfig next)
    {
        Volatile.Write(ref _current, next);
        Published?.Invoke(next);
    }
}
