using System.Buffers.Binary;

namespace Weft.Proxy.Transport;

/// <summary>What the kernel knows of the other side of a TCP connection (TCP_INFO, struct tcp_info of linux/tcp.h).</summary>
/// <remarks>
/// TCP_USER_TIMEOUT is the tempting wrong way to bound how long sent bytes may stay unacknowledged: since Linux 5.11 it also ends a connection whose peer is alive, answers every probe of its closed
/// window, and only does not read for a while (a pager, a paused consumer, a debugger). A proxy has to wait for that one as long as its application would.
/// </remarks>
/// <param name="Ms">Since anything was heard: data or an acknowledgement.</param>
/// <param name="Owes">The peer has not acknowledged what was sent, or did not answer two probes in a row; one may be on its way.</param>
internal readonly record struct PeerSilence(long Ms, bool Owes)
{
    private const int Probes = 3, Unacknowledged = 24, LastDataReceived = 52, LastAckReceived = 56, Bytes = 60; // offsets, and how much of it is asked for

    /// <summary>Nothing is owed where the kernel does not tell.</summary>
    public static unsafe PeerSilence Of(int fd)
    {
        var info = stackalloc byte[Bytes];
        uint length = Bytes;
        if (Libc.GetSocketOption(fd, Libc.IpProtoTcp, Libc.TcpInfo, info, &length) != 0 || length < Bytes) return default;
        var fields = new ReadOnlySpan<byte>(info, Bytes);
        var silent = Math.Min(Field(fields, LastDataReceived), Field(fields, LastAckReceived)); // a connection that only receives notes no acknowledgement
        return new PeerSilence(silent, Field(fields, Unacknowledged) > 0 || fields[Probes] >= 2);
    }

    private static uint Field(ReadOnlySpan<byte> info, int offset) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(info[offset..]) : BinaryPrimitives.ReadUInt32BigEndian(info[offset..]);
}
