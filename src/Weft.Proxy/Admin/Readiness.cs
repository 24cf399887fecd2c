using System.Net;
using Weft.Proxy.Configuration;

namespace Weft.Proxy.Admin;

/// <summary>How far the proxy is, in Envoy's words (envoy.admin.v3.ServerInfo.State).</summary>
internal enum ServerState : byte
{
    /// <summary>No configuration has come.</summary>
    PreInitializing,

    /// <summary>There is one, and some listener is not open or its certificate has not come, or the proxy's own certificate has expired.</summary>
    Initializing,

    /// <summary>Accepting with a configuration.</summary>
    Live,

    /// <summary>On the way out.</summary>
    Draining,
}

/// <summary>Tells when the proxy has become ready. Once live it stays live until it drains: a later listener that waits for its certificate is no
/// reason to take requests away from the others.</summary>
internal sealed class Readiness
{
    private readonly ConfigStore _config;
    private readonly Func<IEnumerable<KeyValuePair<string, IPEndPoint>>> _listeners;
    private readonly Func<bool> _draining;
    private readonly Func<bool> _expired;
    private readonly Func<bool> _onTheWay;
    private volatile bool _live;

    /// <param name="listeners">Open listeners by name.</param>
    /// <param name="draining">Whether a drain has begun.</param>
    /// <param name="expired">Whether the proxy's own certificate has ended: no peer takes it for who it is then.</param>
    /// <param name="onTheWay">Whether a listener has come that waits for its routes or certificates: a listener that could be opened before it must not make the proxy ready.</param>
    public Readiness(ConfigStore config, Func<IEnumerable<KeyValuePair<string, IPEndPoint>>> listeners, Func<bool> draining, Func<bool> expired, Func<bool> onTheWay)
    {
        (_config, _listeners, _draining, _expired, _onTheWay) = (config, listeners, draining, expired, onTheWay);
        config.Published += _ => Look();
    }

    public ServerState State => _draining() ? ServerState.Draining : _expired() ? ServerState.Initializing : Look();

    private ServerState Look()
    {
        if (_live) return ServerState.Live;
        if (_onTheWay()) return ServerState.Initializing;
        var state = Of(_config.Current, _listeners().Select(l => l.Key).ToHashSet(StringComparer.Ordinal));
        if (state == ServerState.Live) _live = true;
        return state;
    }

    /// <summary>What <paramref name="config"/> amounts to while the listeners named in <paramref name="open"/> are open.</summary>
    public static ServerState Of(ProxyConfig config, IReadOnlySet<string> open)
    {
        if (config.Generation == 0) return ServerState.PreInitializing;
        var any = false;
        foreach (var (name, listener) in config.Listeners.Items)
        {
            if (!listener.Listener.BindToPort) continue;
            any = true;
            if (!open.Contains(name) || listener.Chains.Any(c => c.IsTls && c.Tls is null)) return ServerState.Initializing;
        }
        return any ? ServerState.Live : ServerState.Initializing;
    }

    public static string Text(ServerState state) => state switch
    {
        ServerState.PreInitializing => "PRE_INITIALIZING",
        ServerState.Initializing => "INITIALIZING",
        ServerState.Live => "LIVE",
        _ => "DRAINING",
    };
}
