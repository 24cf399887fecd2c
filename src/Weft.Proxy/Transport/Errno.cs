using System.Runtime.InteropServices;

namespace Weft.Proxy.Transport;

/// <summary>The error numbers of Linux that the engine tells apart.</summary>
internal static class Errno
{
    public const int NotPermitted = 1, NoEntry = 2, Interrupted = 4, Again = 11, NoMemory = 12, InvalidArgument = 22, TooManyFilesInSystem = 23, TooManyFiles = 24, BrokenPipe = 32, NotImplemented = 38,
        Protocol = 71, AddressFamilyNotSupported = 97, AddressNotAvailable = 99, NetworkDown = 100, NetworkUnreachable = 101, ConnectionAborted = 103, ConnectionReset = 104, NoBuffers = 105,
        TimedOut = 110, ConnectionRefused = 111, HostDown = 112, HostUnreachable = 113, InProgress = 115;

    /// <summary>What the last call left behind (calls are imported with SetLastError).</summary>
    public static int Last => Marshal.GetLastPInvokeError();

    /// <summary>The same after recv, send, sendmsg and OpenSSL, which are imported without SetLastError: to be read right after the failure.</summary>
    public static int LastOfHotCall => Marshal.GetLastSystemError();

    /// <summary>"connection refused": the C library's sentence in lower case.</summary>
    public static string Text(int errno)
    {
        var text = Marshal.GetPInvokeErrorMessage(errno);
        return text.Length > 1 && char.IsLower(text[1]) ? char.ToLowerInvariant(text[0]) + text[1..] : text;
    }

    /// <summary>What a failed connect, read or write means to those above.</summary>
    public static ChannelFailure ToFailure(int errno) => errno switch
    {
        ConnectionRefused => ChannelFailure.ConnectRefused,
        TimedOut => ChannelFailure.ConnectTimeout,
        NetworkUnreachable or HostUnreachable or NetworkDown or HostDown => ChannelFailure.Unreachable,
        ConnectionReset or BrokenPipe or ConnectionAborted => ChannelFailure.Reset,
        _ => ChannelFailure.Other,
    };

    public static SocketException Exception(string call) => new($"{call}: {Text(Last)}", Last);
}

/// <summary>A system call failed where nothing can go on without it (creating, binding, listening).</summary>
internal sealed class SocketException(string message, int errno) : IOException(message)
{
    public int Errno { get; } = errno;
}
