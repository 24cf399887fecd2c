using System.Globalization;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Resident memory of a process, looked at every 20 ms.</summary>
internal sealed class MemoryWatch : IDisposable
{
    private readonly int _process;
    private readonly long _before;
    private readonly Timer _timer;
    private long _highest;

    public MemoryWatch(int process)
    {
        _process = process;
        _before = _highest = Read();
        _timer = new Timer(_ => Look(), null, 20, 20);
    }

    public double GrowthMiB
    {
        get
        {
            Look();
            return (Interlocked.Read(ref _highest) - _before) / 1024.0;
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var now = Read();
        if (now > Interlocked.Read(ref _highest)) Interlocked.Exchange(ref _highest, now);
    }

    /// <summary>In KiB.</summary>
    private long Read() => File.ReadLines($"/proc/{_process}/status").Where(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
        .Select(l => long.Parse(l.AsSpan(6, l.Length - 8).Trim(), CultureInfo.InvariantCulture)).FirstOrDefault();
}
