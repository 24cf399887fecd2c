using Google.Protobuf;
using Weft.Telemetry.Metrics;
using Weft.Xds;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>
/// Saves the configuration that is in use whenever it has changed and is whole, on a thread of the pool: neither the data path nor the configuration thread waits for the disk.
/// A disk that fails costs a log line and a counter; the proxy serves on.
/// </summary>
/// <remarks>What holds a private key is left out: a key that came over the wire is nowhere on disk afterwards. A listener or cluster that needs such a secret waits for the
/// management server. The proxy's own key is kept by its identity agent.</remarks>
internal sealed class ConfigCache : IAsyncDisposable
{
    private readonly CacheFile _file;
    private readonly CacheSettings _settings;
    private readonly ByteString _node;
    private readonly Func<long> _changes;
    private readonly TimeProvider _time;
    private readonly Action<string> _warn;
    private readonly CancellationTokenSource _stop = new();
    private readonly Counter _writes;
    private readonly Counter _failures;
    private Func<Task<SavedConfiguration?>> _capture = static () => Task.FromResult<SavedConfiguration?>(null);
    private Task _running = Task.CompletedTask;
    private long _savedChanges;
    private long _savedAtMs;
    private long _lastAttempt;
    private string? _lastFailure;

    /// <param name="node">Whom the configuration is for.</param>
    /// <param name="changes">A number that moves whenever what is in use has changed.</param>
    /// <param name="warn">Told when saving begins to fail, and when it works again.</param>
    public ConfigCache(
        CacheSettings settings, ByteString node, Func<long> changes, MetricsRegistry metrics, TimeProvider time, Action<string> warn)
    {
        (_settings, _node, _changes, _time, _warn) = (settings, node, changes, time, warn);
        _file = new CacheFile(settings.Directory);
        _writes = metrics.AddCounter("weft_config_cache_writes_total", "Times that the last good configuration was saved on disk.");
        _failures = metrics.AddCounter("weft_config_cache_write_failures_total", "Times that saving the last good configuration failed; the log says why.");
        metrics.AddGauge("weft_config_cache_saved_timestamp_seconds", "When the configuration on disk was saved, in Unix time; 0 without one.",
            () => Volatile.Read(ref _savedAtMs) / 1000.0);
    }

    /// <summary>What an earlier process saved for this node; null when there is nothing that can be used, which is said if a file is there.</summary>
    public SavedConfiguration? Load()
    {
        if (!_file.TryRead(_node, out var saved, out var refusal))
        {
            if (refusal.Length > 0) _warn(refusal);
            return null;
        }
        Volatile.Write(ref _savedAtMs, saved.SavedAt.ToUnixTimeMilliseconds());
        return saved;
    }

    /// <summary>Begins to save.</summary>
    /// <param name="loaded">What is in use at this moment came from the file, and need not go back there.</param>
    /// <param name="capture">What is in use then; null while something is on its way without which it would not be whole.</param>
    public void Start(bool loaded, Func<Task<SavedConfiguration?>> capture)
    {
        _capture = capture;
        _savedChanges = loaded ? _changes() : -1;
        _lastAttempt = _time.GetTimestamp() - (long)(_settings.Interval.TotalSeconds * _time.TimestampFrequency); // the first change need not wait
        _running = Task.Run(RunAsync);
    }

    /// <summary>Saves what has changed last, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        await SaveAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>The resources in use that may be written down.</summary>
    public static IReadOnlyDictionary<XdsType, IReadOnlyList<XdsResource>> ResourcesOf(ConfigHistory history) => XdsTypes.All.ToDictionary(
        static type => type,
        type => (IReadOnlyList<XdsResource>)[.. history.Of(type)
            .Where(static r => r is { IsStatic: false, Active.IsRedacted: false })
            .Select(static r => new XdsResource(r.Name, r.Active!.Version, r.Active.Body))]);

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(_settings.Look, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                if (_time.GetElapsedTime(_lastAttempt) >= _settings.Interval) await SaveAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task SaveAsync()
    {
        var changes = _changes();
        if (changes == _savedChanges || await _capture().ConfigureAwait(false) is not { } configuration) return;
        _lastAttempt = _time.GetTimestamp();
        try
        {
            _file.Write(configuration);
            _savedChanges = changes;
            Volatile.Write(ref _savedAtMs, configuration.SavedAt.ToUnixTimeMilliseconds());
            _writes.Add();
            if (_lastFailure is not null) _warn($"{_file.Path}: the configuration is saved again");
            _lastFailure = null;
        }
        // Whatever it is, it must not end the saving, let alone the process.
        catch (Exception e)
        {
            _failures.Add();
            if (e.Message != _lastFailure) _warn($"{_file.Path}: the configuration could not be saved, a restart without the management server would find an older one: {e.Message}");
            _lastFailure = e.Message;
        }
    }
}
