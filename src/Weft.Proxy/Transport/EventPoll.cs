using System.Runtime.InteropServices;

namespace Weft.Proxy.Transport;

/// <summary>Receives what the kernel reports about one descriptor.</summary>
internal interface IEventSource
{
    void OnEvents(ReadyEvents events);

    /// <summary>A handler threw: close whatever can be torn, so that the loop can go on.</summary>
    void Contain(Exception exception);

    /// <summary>One line of state for the report of a contained fault.</summary>
    string Describe();

    /// <summary>The worker ends: close without a word to anybody. What the worker itself owns stays for it to dispose.</summary>
    void CloseQuietly();
}

/// <summary>epoll's event bits.</summary>
[Flags]
internal enum ReadyEvents : uint
{
    None = 0,
    Readable = 0x1,
    Urgent = 0x2,
    Writable = 0x4,
    Error = 0x8,
    HangUp = 0x10,
    PeerEnded = 0x2000,
    EdgeTriggered = 0x80000000,

    /// <summary>What every stream asks for, once: no epoll_ctl call happens between its opening and its closing.</summary>
    Stream = Readable | Writable | PeerEnded | Urgent | EdgeTriggered,

    /// <summary>After one of these a short read does not mean that the socket is drained: the end, an error or an urgent mark lies behind the bytes.</summary>
    ReadToTheEnd = PeerEnded | HangUp | Error | Urgent,
}

internal static class ReadyEventsExtensions
{
    /// <summary>True when at least one bit of <paramref name="of"/> is set.</summary>
    public static bool Any(this ReadyEvents events, ReadyEvents of) => (events & of) != ReadyEvents.None;
}

/// <summary>
/// One epoll instance and the table from descriptor to source. Each registration has a generation, so that an event fetched for a descriptor that was closed
/// and given out anew within the same batch reaches nobody.
/// </summary>
internal sealed unsafe class EventPoll : IDisposable
{
    private const int BatchCapacity = 256;

    // struct epoll_event is packed on x86-64 only: u32 events, u64 data.
    private static readonly int EventBytes = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventBytes - sizeof(ulong);

    private readonly int _fd;
    private readonly byte[] _batch = GC.AllocateArray<byte>(BatchCapacity * EventBytes, pinned: true);
    private Registration[] _registrations = new Registration[256];

    public EventPoll()
    {
        _fd = Libc.EpollCreate(Libc.EpollCloseOnExec);
        if (_fd < 0) throw Errno.Exception("epoll_create1");
    }

    /// <summary>Descriptors registered.</summary>
    public int Count { get; private set; }

    public void Add(int fd, IEventSource source, ReadyEvents interest)
    {
        if (!TryAdd(fd, source, interest)) throw Errno.Exception("epoll_ctl");
    }

    /// <summary>False when the kernel has no room for it (then <see cref="Errno.Last"/>).</summary>
    public bool TryAdd(int fd, IEventSource source, ReadyEvents interest)
    {
        if (fd >= _registrations.Length) Array.Resize(ref _registrations, Math.Max(fd + 1, _registrations.Length * 2));
        ref var registration = ref _registrations[fd];
        registration.Source = source;
        registration.Generation++;
        if (Control(Libc.EpollAdd, fd, interest, registration.Generation) != 0)
        {
            registration.Source = null;
            return false;
        }
        Count++;
        return true;
    }

    /// <summary>Changes what a level-triggered source hears of.</summary>
    public void Modify(int fd, ReadyEvents interest)
    {
        if (Control(Libc.EpollModify, fd, interest, _registrations[fd].Generation) != 0) throw Errno.Exception("epoll_ctl");
    }

    /// <summary>Hands the events of <paramref name="fd"/> to another source, without a system call.</summary>
    public void Replace(int fd, IEventSource source) => _registrations[fd].Source = source;

    /// <summary>Forgets <paramref name="fd"/> (registered or not); the caller closes it next, which takes it out of epoll.</summary>
    public void Forget(int fd)
    {
        if (fd >= _registrations.Length) return;
        ref var registration = ref _registrations[fd];
        if (registration.Source is null) return;
        registration.Source = null;
        registration.Generation++;
        Count--;
    }

    /// <summary>Waits for events at most <paramref name="timeoutMs"/> (-1 without end) and says how many there are.</summary>
    public int Wait(int timeoutMs)
    {
        // Pinned for the process's life: the address of its first element stays valid without a fixed block.
        var count = Libc.EpollWait(_fd, (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_batch, 0), BatchCapacity, timeoutMs);
        if (count >= 0) return count;
        return Errno.Last == Errno.Interrupted ? 0 : throw Errno.Exception("epoll_wait");
    }

    /// <summary>The source of event <paramref name="index"/> of the last batch; null when it has gone since.</summary>
    public IEventSource? SourceAt(int index, out ReadyEvents events)
    {
        var bytes = _batch.AsSpan(index * EventBytes, EventBytes);
        events = (ReadyEvents)MemoryMarshal.Read<uint>(bytes);
        var data = MemoryMarshal.Read<ulong>(bytes[DataOffset..]);
        ref var registration = ref _registrations[(int)(uint)data];
        return registration.Generation == (uint)(data >> 32) ? registration.Source : null;
    }

    /// <summary>All sources, for closing them.</summary>
    public IReadOnlyList<IEventSource> Sources() => [.. _registrations.Where(r => r.Source is not null).Select(r => r.Source!)];

    public void Dispose() => Socket.Close(_fd);

    private int Control(int operation, int fd, ReadyEvents interest, uint generation)
    {
        var interestBytes = stackalloc byte[EventBytes];
        var span = new Span<byte>(interestBytes, EventBytes);
        MemoryMarshal.Write(span, (uint)interest);
        MemoryMarshal.Write(span[DataOffset..], ((ulong)generation << 32) | (uint)fd);
        return Libc.EpollControl(_fd, operation, fd, interestBytes);
    }

    private struct Registration
    {
        public IEventSource? Source;
        public uint Generation;
    }
}
