using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Weft.LoadTest.Engine;

/// <summary>One entry of ppoll(2). A negative descriptor is passed over.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Descriptor;
    public PollEvents Events;
    public PollEvents Ready;
}

[Flags]
internal enum PollEvents : short
{
    None = 0,
    Read = 0x1,
    Write = 0x4,
    Error = 0x8,
    HangUp = 0x10,
}

/// <summary>
/// Waits on sockets with ppoll(2), whose timeout is in nanoseconds: poll(2) and Socket.Select wait in milliseconds, in which a
/// schedule of 5,000 requests per second has five appointments. Async sockets would add a hop between threads to each event.
/// </summary>
internal static class Poller
{
    private const int Interrupted = 4; // EINTR

    /// <summary>Waits until an entry is ready or <paramref name="nanos"/> have passed.</summary>
    public static int Wait(PollEntry[] entries, long nanos)
    {
        var timeout = new TimeSpec { Seconds = nanos / 1_000_000_000, Nanos = nanos % 1_000_000_000 };
        var ready = PPoll(entries, (nuint)entries.Length, in timeout, 0);
        if (ready >= 0) return ready;
        var error = Marshal.GetLastPInvokeError();
        return error == Interrupted ? 0 : throw new Win32Exception(error);
    }

    [DllImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    private static extern int PPoll([In, Out] PollEntry[] entries, nuint count, in TimeSpec timeout, nint signalMask);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanos;
    }
}
