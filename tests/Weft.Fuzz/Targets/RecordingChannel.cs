using System.Net;
using Weft.Proxy.Transport;

namespace Weft.Fuzz.Targets;

/// <summary>Takes everything that is written.</summary>
internal sealed class RecordingChannel : Channel
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public RecordingChannel() => Handler = null!;

    public MemoryStream Written { get; } = new();

    public override IPEndPoint Remote { get; } = new(IPAddress.Loopback, 1);

    public override IPEndPoint Local { get; } = new(IPAddress.Loopback, 2);

    public override IoStatus Read(Span<byte> into, out int read)
    {
        read = 0;
        return IoStatus.WouldBlock;
    }

    public override IoStatus Write(ReadOnlySpan<byte> from, out int written) => Write(from, default, out written);

    public override IoStatus Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int written)
    {
        Written.Write(first);
        Written.Write(second);
        written = first.Length + second.Length;
        return IoStatus.Ok;
    }

    public override void ShutdownWrite() { }

    public override void Close() { }

    public override void Abort() { }
}
