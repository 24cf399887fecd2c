using System.Numerics;

namespace Weft.Proxy.Workers;

/// <summary>
/// A hierarchical timing wheel (Varghese and Lauck, 1987) of 1 ms ticks: seven levels of 64 slots, each level 64 times coarser than the one below.
/// Schedule and Cancel are O(1) and allocate nothing; a timer moves down at most six times before it fires, never early.
/// </summary>
/// <remarks>A timer stands on the level of the highest digit (base 64) in which its due time differs from the wheel's position. So every timer of a
/// lower level is due before every timer of a higher one, and the next event is found by one bit scan per level.</remarks>
internal sealed class TimerWheel
{
    /// <summary>The longest delay, in milliseconds (about 34 years); a longer one is cut to it.</summary>
    public const long MaxDelayMs = 1L << 40;

    private const int Levels = 7;
    private const int BitsPerLevel = 6;
    private const int SlotsPerLevel = 1 << BitsPerLevel;

    private readonly TimerNode?[] _slots = new TimerNode?[Levels * SlotsPerLevel];
    private readonly ulong[] _occupied = new ulong[Levels];
    private readonly Action<TimerNode, Exception> _onFault;
    private long _position; // all timers due at or before it have fired
    private long _now;      // the clock; ahead of _position while Advance works

    /// <param name="nowMs">The clock's first reading.</param>
    /// <param name="onFault">Receives what a handler throws; the wheel goes on.</param>
    public TimerWheel(long nowMs, Action<TimerNode, Exception> onFault)
    {
        _position = _now = nowMs;
        _onFault = onFault;
    }

    /// <summary>Timers that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Fires <paramref name="node"/> once, <paramref name="delayMs"/> from now (at least 1 ms). Scheduled already: moved.</summary>
    public void Schedule(TimerNode node, long delayMs)
    {
        if (node.IsScheduled) Remove(node);
        node.DueMs = _now + Math.Clamp(delayMs, 1, MaxDelayMs);
        Insert(node);
    }

    /// <summary>Does nothing when <paramref name="node"/> is not scheduled.</summary>
    public void Cancel(TimerNode node)
    {
        if (node.IsScheduled) Remove(node);
    }

    /// <summary>Moves the clock without firing anything: what is scheduled from here on counts from <paramref name="nowMs"/>. Without it a handler that runs after a long
    /// wait would schedule from the time before the wait, and its timer would fire early.</summary>
    public void SetNow(long nowMs)
    {
        if (nowMs > _now) _now = nowMs;
    }

    /// <summary>Moves the clock to <paramref name="nowMs"/> and fires what is due, in order of due time.</summary>
    public void Advance(long nowMs)
    {
        SetNow(nowMs);
        if (nowMs <= _position) return;
        while (FindNext(out var slot, out var startsAt) && startsAt <= nowMs)
        {
            _position = startsAt;
            while (_slots[slot] is { } node)
            {
                Remove(node);
                if (node.DueMs <= startsAt) Fire(node);
                else Insert(node); // one or more levels down: its digit at this level now equals the position's
            }
        }
        _position = nowMs;
    }

    /// <summary>Milliseconds until <see cref="Advance"/> has something to do; 0 when it is late, -1 when nothing is scheduled.</summary>
    public long NextDelayMs() => FindNext(out _, out var startsAt) ? Math.Max(0, startsAt - _now) : -1;

    private void Fire(TimerNode node)
    {
        try
        {
            node.Handler.OnTimer(node);
        }
        catch (Exception e)
        {
            _onFault(node, e);
            Contain(node);
        }
    }

    private void Contain(TimerNode node)
    {
        try
        {
            node.Handler.OnTimerFault(node);
        }
        catch (Exception e)
        {
            _onFault(node, e);
        }
    }

    private bool FindNext(out int slot, out long startsAt)
    {
        for (var level = 0; level < Levels; level++)
        {
            if (_occupied[level] == 0) continue;
            var shift = level * BitsPerLevel;
            var current = (int)(_position >> shift) & (SlotsPerLevel - 1);
            var ahead = BitOperations.TrailingZeroCount(BitOperations.RotateRight(_occupied[level], current));
            var digit = (current + ahead) & (SlotsPerLevel - 1);
            var rotation = _position >> (shift + BitsPerLevel) << (shift + BitsPerLevel);
            startsAt = rotation + ((long)digit << shift);
            if (startsAt < _position) startsAt += 1L << (shift + BitsPerLevel); // only the top level wraps
            slot = level * SlotsPerLevel + digit;
            return true;
        }
        slot = -1;
        startsAt = 0;
        return false;
    }

    private void Insert(TimerNode node)
    {
        var differing = (ulong)(node.DueMs ^ _position) | (SlotsPerLevel - 1);
        var level = Math.Min((63 - BitOperations.LeadingZeroCount(differing)) / BitsPerLevel, Levels - 1);
        var digit = (int)(node.DueMs >> (level * BitsPerLevel)) & (SlotsPerLevel - 1);
        var slot = level * SlotsPerLevel + digit;
        var head = _slots[slot];
        node.Slot = slot;
        node.Previous = null;
        node.Next = head;
        if (head is not null) head.Previous = node;
        _slots[slot] = node;
        _occupied[level] |= 1UL << digit;
        Count++;
    }

    private void Remove(TimerNode node)
    {
        if (node.Previous is not null) node.Previous.Next = node.Next;
        else
        {
            _slots[node.Slot] = node.Next;
            if (node.Next is null) _occupied[node.Slot / SlotsPerLevel] &= ~(1UL << (node.Slot % SlotsPerLevel));
        }
        if (node.Next is not null) node.Next.Previous = node.Previous;
        node.Previous = node.Next = null;
        node.Slot = TimerNode.NotScheduled;
        Count--;
    }
}
