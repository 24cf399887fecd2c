namespace Weft.Proxy.Workers;

/// <summary>Called on the worker's thread when a timer is due.</summary>
internal interface ITimerHandler
{
    /// <summary><paramref name="node"/> is no longer scheduled; it may be scheduled again from here.</summary>
    void OnTimer(TimerNode node);

    /// <summary><see cref="OnTimer"/> threw, and was reported: give back what would otherwise be held for ever.</summary>
    void OnTimerFault(TimerNode node) { }
}

/// <summary>One timer, embedded in what it belongs to and reused for its whole life: scheduling it allocates nothing.</summary>
internal sealed class TimerNode(ITimerHandler handler, int tag = 0)
{
    internal const int NotScheduled = -1;

    internal TimerNode? Previous;
    internal TimerNode? Next;
    internal int Slot = NotScheduled;

    public ITimerHandler Handler { get; } = handler;

    /// <summary>Tells one handler's timers apart.</summary>
    public int Tag { get; } = tag;

    public bool IsScheduled => Slot != NotScheduled;

    /// <summary>When it fires, on the worker's clock. Meaningful while scheduled.</summary>
    public long DueMs { get; internal set; }
}
