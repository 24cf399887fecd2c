using System.Globalization;

namespace Weft.Proxy.Overload;

/// <summary>
/// Watches the process's resident memory. From 90 % of the limit on, new requests are answered 503, so that those in flight can finish, and the collector is made to give back what it keeps; from 95 %
/// on accepting pauses too. Below 80 % everything is taken again. Backpressure bounds what each connection holds; this bounds how many may hold it.
/// </summary>
internal sealed class MemoryGuard : IDisposable
{
    private const double Sheds = 0.9;
    private const double Pauses = 0.95;
    private const double Recovers = 0.8;

    /// <summary>Least time between two forced collections: each stops the workers for some ten milliseconds.</summary>
    private static readonly TimeSpan BetweenCollections = TimeSpan.FromSeconds(2);

    private readonly Admission _admission;
    private readonly long _limit;
    private readonly Func<long> _resident;
    private readonly TimeProvider _time;
    private readonly Action<string> _warn;
    private readonly ITimer _timer;
    private long _collected;

    /// <param name="resident">Resident bytes now.</param>
    /// <param name="warn">Told when shedding begins and ends.</param>
    public MemoryGuard(OverloadSettings settings, Admission admission, Func<long> resident, TimeProvider time, Action<string> warn)
    {
        (_admission, _limit, _resident, _time, _warn) = (admission, settings.MemoryBytes, resident, time, warn);
        _collected = time.GetTimestamp() - (long)(BetweenCollections.TotalSeconds * time.TimestampFrequency);
        _timer = time.CreateTimer(static guard => ((MemoryGuard)guard!).Look(), this, settings.MemoryLook, settings.MemoryLook);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var resident = _resident();
        _admission.IsMemoryCritical = resident >= _limit * Pauses;
        if (_admission.MemoryRefusal is null)
        {
            if (resident < _limit * Sheds) return;
            var text = string.Create(CultureInfo.InvariantCulture, $"{resident >> 20} MB of the {_limit >> 20} MB that this proxy may use are in use (--memory-limit-mb)");
            _admission.MemoryRefusal = text;
            _warn($"requests are refused: {text}");
        }
        else if (resident < _limit * Recovers)
        {
            _admission.MemoryRefusal = null;
            _warn("requests are served again: memory has come back");
            return;
        }
        if (_time.GetElapsedTime(_collected) < BetweenCollections) return;
        _collected = _time.GetTimestamp();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
