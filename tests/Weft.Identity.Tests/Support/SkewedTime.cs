using Weft.TestSupport;

namespace Weft.Identity.Tests.Support;

/// <summary>Two clocks: a monotonic one that <see cref="Advance"/> moves, and a wall clock beside it that may be set to anything.</summary>
internal sealed class SkewedTime : TimeProvider
{
    private readonly ManualTime _monotonic = new();
    private long _skewTicks;

    /// <summary>What the wall clock was set off by. A laptop's sleep is a step forward without <see cref="Advance"/>.</summary>
    public TimeSpan Skew
    {
        get => new(Interlocked.Read(ref _skewTicks));
        set => Interlocked.Exchange(ref _skewTicks, value.Ticks);
    }

    public void Advance(TimeSpan by) => _monotonic.Advance(by);

    public override DateTimeOffset GetUtcNow() => _monotonic.GetUtcNow() + Skew;

    public override long GetTimestamp() => _monotonic.GetTimestamp();

    public override long TimestampFrequency => _monotonic.TimestampFrequency;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        _monotonic.CreateTimer(callback, state, dueTime, period);
}

/// <summary>The clocks of one machine among several: monotonic time is everyone's, the wall clock is set wrong here only.</summary>
internal sealed class SkewedAgentTime(TimeProvider shared) : TimeProvider
{
    private long _skewTicks;

    /// <summary>How far this machine's wall clock is ahead.</summary>
    public TimeSpan Skew
    {
        get => new(Interlocked.Read(ref _skewTicks));
        set => Interlocked.Exchange(ref _skewTicks, value.Ticks);
    }

    public override DateTimeOffset GetUtcNow() => shared.GetUtcNow() + Skew;

    public override long GetTimestamp() => shared.GetTimestamp();

    public override long TimestampFrequency => shared.TimestampFrequency;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        shared.CreateTimer(callback, state, dueTime, period);
}
