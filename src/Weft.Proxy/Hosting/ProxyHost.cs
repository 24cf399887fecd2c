using System.Numerics;
using Google.Protobuf;
using Weft.Grpc;
using Weft.Identity;
using Weft.Proxy.Admin;
using Weft.Proxy.Configuration;
using Weft.Proxy.Configuration.Cache;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Reporting;
using Weft.Proxy.Warmup;
using Weft.Proxy.Workers;
using Weft.Routing.Compile;
using Weft.Routing.Listeners;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;

namespace Weft.Proxy.Hosting;

/// <summary>
/// One proxy process put together: data plane, admin endpoint, identity, configuration, metrics push; and its end in the right order.
/// </summary>
internal sealed class ProxyHost : IAsyncDisposable
{
    private readonly CommandLine _options;
    private readonly TimeProvider _time;
    private readonly Action<string> _say;
    private readonly BootstrapSettings _bootstrap;
    private readonly NodeMetadata _node;
    private readonly ConfigStore _store = new();
    private readonly MetricsRegistry _metrics;
    private readonly ProcessMetrics _process;
    private readonly ConfigHistory _history;
    private readonly Admission _admission;
    private readonly DataPlane _dataPlane;
    private readonly Readiness _readiness;
    private readonly DateTimeOffset _started;
    private readonly TaskCompletionSource _quit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<IDisposable> _disposables = [];
    private AdminServer? _admin;
    private IdentityAgent? _identity;
    private ConfigSource? _config;
    private MetricsPusher? _pusher;
    private SelfExercise? _warmup;
    private readonly Drain _drain;
    private volatile bool _draining;

    /// <exception cref="BootstrapException">The bootstrap is wrong; every problem is named.</exception>
    public ProxyHost(CommandLine options, TimeProvider time, Action<string> say)
    {
        (_options, _time, _say) = (options, time, say);
        _started = time.GetUtcNow();
        _bootstrap = BootstrapFile.Read(options.Bootstrap);
        _node = NodeMetadata.Of(_bootstrap.Node);
        _metrics = new MetricsRegistry(time);
        _process = new ProcessMetrics(_metrics, _store, () => _warmup?.Report);
        _history = new ConfigHistory(time)
        {
            Metrics = new ConfigurationMetrics(_metrics, () => _config is { IsConnected: true }, () => _identity?.Current?.NotAfter, () => _config?.UnknownFields ?? 0),
        };
        var identity = new NodeIdentity(_node.ServiceKey, _node.Version);
        _admission = new Admission(options.Overload, _metrics, time, say);
        _dataPlane = new DataPlane(options.Concurrency, _store, _metrics, identity, _admission, time, RandomSeed(), Survived);
        _metrics.AddGauge("weft_config_stale", "1 while the configuration in use was restored from disk and the management server has not confirmed it, else 0.",
            () => _config?.Stale is null ? 0 : 1);
        _drain = new Drain(_dataPlane, options.DrainTime, time);
        _readiness = new Readiness(_store, () => _dataPlane.Listeners.Addresses, () => _draining, () => _identity?.Current?.NotAfter <= _time.GetUtcNow(), () => _config is { ListenersOnTheWay: true });
    }

    /// <summary>Runs until <paramref name="stop"/> or <c>/quitquitquit</c>, then drains; <paramref name="hurry"/> ends the drain early.</summary>
    public async Task RunAsync(CancellationToken stop, CancellationToken hurry)
    {
        _dataPlane.Start();
        _disposables.Add(new Watchdog(_dataPlane.Workers, TimeSpan.FromSeconds(1), _time, w =>
        {
            _process.Stalled(w);
            _say($"{w.Name} has not turned its loop for a second");
        }));
        if (_options.Overload.MemoryBytes != OverloadSettings.None)
        {
            var memory = new ResidentMemory();
            _disposables.Add(new MemoryGuard(_options.Overload, _admission, memory.Read, _time, _say));
            _disposables.Add(memory);
        }
        StartIdentity();
        // Before a first certificate, so that waiting for it can be watched; else last, so that accepting does not wait for it.
        var admin = _identity is { Current: null };
        if (admin) StartAdmin();
        await JoinAsync(stop).ConfigureAwait(false);
        await StartConfigurationAsync().ConfigureAwait(false);
        if (!admin) StartAdmin();
        if (_options.WarmupTime > TimeSpan.Zero) _warmup = SelfExercise.Start(new WarmupSettings { Budget = _options.WarmupTime }, SpeaksTls, _time, _say);
        await Task.WhenAny(_quit.Task, Task.Delay(Timeout.InfiniteTimeSpan, _time, stop)).ConfigureAwait(false);
        // Said, because a proxy that ends without a word looks like one that crashed.
        _say($"ending as asked: draining for at most {_options.DrainTime.TotalSeconds:0} s");
        _draining = true;
        await _drain.AllAsync(hurry).ConfigureAwait(false);
        if (hurry.IsCancellationRequested) _say("asked again: ending without waiting for what is open");
    }

    public async ValueTask DisposeAsync()
    {
        _warmup?.Stop();
        if (_config is not null) await _config.DisposeAsync().ConfigureAwait(false);
        _dataPlane.Stop();
        if (_pusher is not null) await _pusher.DisposeAsync().ConfigureAwait(false); // after the last request was counted
        if (_identity is not null) await _identity.DisposeAsync().ConfigureAwait(false);
        _admin?.Dispose();
        foreach (var disposable in _disposables) disposable.Dispose();
    }

    private bool SpeaksTls => _identity is not null
        || _store.Current.Listeners.Items.Any(l => l.Value.Chains.Any(c => c.IsTls)) || _store.Current.Clusters.Items.Any(c => c.Value.Tls.Any(t => t.IsTls));

    private void StartAdmin()
    {
        if (_bootstrap.Admin is not { } address) return;
        var sources = new AdminSources
        {
            Config = _store,
            History = _history,
            Metrics = _metrics,
            Readiness = _readiness,
            Listeners = () => _dataPlane.Listeners.Addresses,
            Certificate = () => _identity?.Current,
            Stale = () => _config?.Stale,
            ManagementFailure = () => _config?.LastFailure,
            Node = _bootstrap.Node,
            Options = new ProxyOptions(_options.Bootstrap, _options.Concurrency, _options.DrainTime, _started),
            Time = _time,
            Drain = inboundOnly => _ = DrainListenersAsync(inboundOnly),
            Quit = () => _quit.TrySetResult(),
        };
        _admin = new AdminServer(new AdminSettings { Address = address }, AdminEndpoints.Of(sources), _time, e => _say($"admin: {e.Message}"));
    }

    private void StartIdentity()
    {
        if (_options.Identity is not { } address) return;
        _identity = IdentityAgent.Start(new IdentityAgentOptions
        {
            ControlAddress = address,
            KeysDirectory = _options.KeysDirectory!,
            JoinTokenFile = _options.JoinTokenFile,
            Time = _time,
            Random = new Random((int)RandomSeed()),
            Warn = w => _say($"identity: {w}"),
        });
    }

    /// <summary>Waits for the first certificate: without one there is nobody to be in front of the control plane.</summary>
    private async Task JoinAsync(CancellationToken stop)
    {
        if (_identity is null) return;
        await _identity.WaitAsync(stop).ConfigureAwait(false);
        var invoker = new HttpMessageInvoker(_identity.CreateControlHandler());
        _disposables.Add(invoker);
        var source = new MetricsSource(_node.Service, _node.Namespace, _bootstrap.Node.Id);
        _pusher = new MetricsPusher(_metrics, source, invoker, _identity.ControlAddress, new MetricsPushSettings(), _time, _say);
    }

    private async Task StartConfigurationAsync()
    {
        _config = new ConfigSource(
            _store, _history, _bootstrap, _dataPlane.Listeners.TryOpen, _dataPlane.Listeners.Close, _identity, ManagementClients(), new ConfigLimits(),
            new Random((int)RandomSeed()), _time, _say)
        { Cache = CreateCache() };
        await _config.StartAsync().ConfigureAwait(false);
    }

    private ConfigCache? CreateCache() => _options.CacheDirectory is { } directory && _bootstrap.ManagementServer is not null
        ? new ConfigCache(new CacheSettings(directory), _bootstrap.Node.ToByteString(), () => _history.Changes, _metrics, _time, w => _say($"configuration cache: {w}"))
        : null;

    /// <summary>With a mesh identity the stream is mutual TLS to whatever address the bootstrap names; without, plaintext HTTP/2.</summary>
    private List<GrpcClient> ManagementClients()
    {
        var clients = new List<GrpcClient>();
        if (_bootstrap.ManagementServer is not { } server) return clients;
        if (server.IsTls && _identity is null)
            throw new BootstrapException([$"bootstrap: cluster '{server.Cluster}' speaks TLS to the management server, which needs --identity and --keys"]);
        var invoker = _identity is null ? GrpcTransport.CreateInvoker() : new HttpMessageInvoker(_identity.CreateControlHandler());
        _disposables.Add(invoker);
        foreach (var (host, port) in server.Targets)
            clients.Add(new GrpcClient(invoker, new UriBuilder(_identity is null ? "http" : "https", host, port).Uri, new GrpcClientOptions { Time = _time }));
        return clients;
    }

    /// <summary>What <c>/drain_listeners</c> asks for: the process goes on, and listens until the drain is over.</summary>
    private async Task DrainListenersAsync(bool inboundOnly)
    {
        _draining = true;
        _say($"draining {(inboundOnly ? "inbound listeners" : "all listeners")} as asked, for at most {_options.DrainTime.TotalSeconds:0} s");
        await (inboundOnly ? _drain.InboundAsync() : _drain.AllAsync(CancellationToken.None)).ConfigureAwait(false);
        foreach (var (name, listener) in _store.Current.Listeners.Items)
        {
            if (!inboundOnly || listener.Listener.Direction != TrafficDirection.Outbound) _dataPlane.Listeners.Close(name);
        }
    }

    private void Survived(ContainedFault fault)
    {
        _process.Contained(fault);
        _say($"{fault.Worker} survived an exception in {fault.Where} ({fault.State}): {fault.Exception}");
    }

    /// <summary>From the kernel's generator by way of a Guid: RandomNumberGenerator would load OpenSSL for it, 10 ms and 7 MB in a proxy that may never speak TLS.</summary>
    private static ulong RandomSeed()
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(bytes);
        return BitConverter.ToUInt64(bytes) ^ BitOperations.RotateLeft(BitConverter.ToUInt64(bytes[8..]), 13); // each half has bits that are always the same
    }
}
