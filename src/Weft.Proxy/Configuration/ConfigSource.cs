using System.Net;
using Google.Protobuf;
using Weft.Grpc;
using Weft.Identity;
using Weft.Proxy.Configuration.Cache;
using Weft.Routing.Compile;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Everything between a bootstrap and <see cref="ConfigStore"/>: the configuration thread, the assembler, the stream to the management server, DNS.
/// Made, then started once, when the data plane can open sockets.
/// </summary>
internal sealed class ConfigSource : IAsyncDisposable
{
    private readonly ConfigStore _store;
    private readonly ConfigThread _thread;
    private readonly ConfigAssembler _assembler;
    private readonly DnsRefresh _dns;
    private readonly AdsClient? _ads;
    private readonly AdsSubscriber? _subscriber;
    private readonly ConfigHistory _history;
    private readonly ByteString _node;
    private readonly TimeProvider _time;
    private readonly Action<string> _report;
    private readonly CancellationTokenSource _stop = new();
    private Task _streaming = Task.CompletedTask;
    private Staleness? _stale;

    /// <param name="store">Where versions are published.</param>
    /// <param name="history">Told what becomes of each resource, for people to read.</param>
    /// <param name="bootstrap">Node, management server and static resources.</param>
    /// <param name="open">Opens a listener's sockets once it is published; answers why that is not possible, or null.</param>
    /// <param name="close">Closes the sockets of a listener, by name, that is gone.</param>
    /// <param name="identity">The proxy's own certificate and its renewal; null without one.</param>
    /// <param name="clients">The management server's addresses; empty when configuration is static.</param>
    /// <param name="random">Jitter of reconnection.</param>
    /// <param name="report">Told of exceptions, of failures to reach the management server, and of the beginning and end of staleness.</param>
    /// <exception cref="BootstrapException">A static resource is wrong; every problem is named.</exception>
    public ConfigSource(
        ConfigStore store, ConfigHistory history, BootstrapSettings bootstrap, Func<BoundListener, string?> open, Action<string> close, IdentityAgent? identity,
        IReadOnlyList<GrpcClient> clients, ConfigLimits limits, Random random, TimeProvider time, Action<string> report)
    {
        (_store, _history, _node, _time, _report) = (store, history, bootstrap.Node.ToByteString(), time, report);
        _thread = new ConfigThread(time, e => report($"configuration: {e}"));
        _assembler = new ConfigAssembler(store, history, open, close, limits, time);
        if (identity is not null)
        {
            // Subscribed before it is read, so that no generation is missed.
            identity.Changed += material => _thread.Post(() => _assembler.SetIdentity(material));
            if (identity.Current is { } material) _assembler.SetIdentity(material);
        }
        var errors = _assembler.AddStatic(bootstrap);
        if (errors.Count > 0) throw new BootstrapException(errors);
        _dns = new DnsRefresh(_thread, _assembler, Dns.GetHostAddressesAsync, time);
        _thread.Turn = Turn;
        _thread.NextDeadline = NextDeadline;
        if (clients.Count == 0) return;

        _subscriber = new AdsSubscriber(new DeltaClientStream(ClientFeatures.Announce(bootstrap.Node), time), _assembler, bootstrap.WantsListeners);
        _ads = new AdsClient(_thread, _subscriber, clients, limits, random, time) { Warn = report };
        store.WantRoute = name => _thread.Post(() => _assembler.WantRoute(name));
        store.WantName = name => _thread.Post(() => _assembler.WantName(name));
    }

    /// <summary>Where the configuration is saved and restored from; null for nowhere. Static configuration needs none.</summary>
    public ConfigCache? Cache { get; init; }

    /// <summary>Set while what is in use was restored and not confirmed. Any thread.</summary>
    public Staleness? Stale => Volatile.Read(ref _stale);

    /// <summary>Whether the stream to the management server is open and has answered. True when there is none to reach.</summary>
    public bool IsConnected => _ads?.IsConnected ?? true;

    /// <summary>Why the management server cannot be reached, in one sentence; null while it can.</summary>
    public string? LastFailure => _ads?.LastFailure;

    /// <summary>Some listener has arrived, was never in use, and waits for what it refers to.</summary>
    public bool ListenersOnTheWay => _assembler.ListenersOnTheWay;

    /// <summary>Fields that arrived with numbers that this build does not know, over all resources.</summary>
    public long UnknownFields => _assembler.UnknownFields;

    /// <summary>Starts the thread and the stream. The static resources are in use when this returns, and those that were saved; <see cref="ConfigStore.Published"/> tells of what
    /// follows.</summary>
    public async Task StartAsync()
    {
        var restored = Restore();
        _thread.Start();
        if (_subscriber is not null) Cache?.Start(restored, () => _thread.AskAsync(Capture));
        await _thread.AskAsync(() => { _assembler.Settle(); return _store.Current; }).ConfigureAwait(false);
        if (_ads is not null) _streaming = _ads.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _streaming.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Cache is not null) await Cache.DisposeAsync().ConfigureAwait(false); // asks the thread one last time
        _thread.Dispose();
        _stop.Dispose();
    }

    /// <summary>Before the thread starts: nobody else is at the assembler yet.</summary>
    private bool Restore()
    {
        if (_subscriber is null || Cache?.Load() is not { } saved) return false;
        _subscriber.Restore(saved);
        var stale = new Staleness(saved.SavedAt);
        Volatile.Write(ref _stale, stale);
        _report($"serving the configuration that was saved {stale.Age(_time).TotalSeconds:0} s ago ({saved.Count} resources) until the management server confirms it: stale");
        return true;
    }

    /// <summary>On the configuration thread. Null while something is on its way, or nothing has been confirmed: half of a configuration must not replace a whole one.</summary>
    private SavedConfiguration? Capture() => _subscriber is { IsQuiet: true, IsConfirmed: true }
        ? new SavedConfiguration(_node, _time.GetUtcNow(), [.. _assembler.RequestedRoutes], ConfigCache.ResourcesOf(_history))
        : null;

    private void Turn()
    {
        if (_ads is not null) _ads.Turn();
        else _assembler.Settle();
        if (_stale is not null && _subscriber!.IsConfirmed)
        {
            Volatile.Write(ref _stale, null);
            _report("the management server has confirmed the configuration: no longer stale");
        }
        _dns.Turn(_stop.Token);
    }

    private DateTimeOffset? NextDeadline()
    {
        var next = _subscriber?.NextDeadline ?? _assembler.NextDeadline;
        return _dns.NextDeadline is { } dns && (next is null || dns < next) ? dns : next;
    }
}
