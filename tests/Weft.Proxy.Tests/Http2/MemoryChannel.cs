using System.Diagnostics.CodeAnalysis;
using System.Net;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Tests.Http2;

/// <summary>Keeps what is written to it; takes as little at a time as it is told to.</summary>
internal sealed class MemoryChannel : Channel, IChannelHandler
{
    private readonly List<byte> _written = [];

    [SetsRequiredMembers]
    public MemoryChannel() => Handler = this;

    /// <summary>Most bytes that one write takes; 0: it would block.</summary>
    public int Room { get; set; } = int.MaxValue;

    /// <summary>Writes until it would block. Default: no end.</summary>
    public int Writes { get; set; } = int.MaxValue;

    public override IPEndPoint Remote { get; } = new(IPAddress.Loopback, 1);

    public override IPEndPoint Local { get; } = new(IPAddress.Loopback, 2);

    public byte[] Take()
    {
        byte[] all = [.. _written];
        _written.Clear();
        return all;
    }

    public override IoStatus Read(Span<byte> into, out int read)
    {
        read = 0;
        return IoStatus.WouldBlock;
    }

    public override IoStatus Write(ReadOnlySpan<byte> from, out int written) => Write(from, default, out written);

    public override IoStatus Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int written)
    {
        written = 0;
        if (Writes-- <= 0) return IoStatus.WouldBlock;
        var left = Math.Min(Room, first.Length);
        _written.AddRange(first[..left]);
        var more = Math.Min(Room - left, second.Length);
        _written.AddRange(second[..more]);
        written = left + more;
        return written > 0 ? IoStatus.Ok : IoStatus.WouldBlock;
    }

    public override void ShutdownWrite() { }

    public override void Close() { }

    public override void Abort() { }

    public void OnOpen(Channel channel) { }

    public void OnReadable(Channel channel) { }

    public void OnWritable(Channel channel) { }

    public void OnFailed(Channel channel) { }
}
