using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Tests.Transport;

/// <summary>Sends back what it reads, with one buffer at most; ends when the peer has.</summary>
internal sealed class Echo(BufferPool buffers) : IChannelHandler
{
    private ByteBuffer? _held;
    private bool _ended;

    public TlsPeer? Peer { get; private set; }

    public Channel? Channel { get; private set; }

    public bool IsFinished { get; private set; }

    public long Bytes { get; private set; }

    public void OnOpen(Channel channel)
    {
        Channel = channel;
        Peer = channel.Peer;
    }

    public void OnReadable(Channel channel) => Pump(channel);

    public void OnWritable(Channel channel) => Pump(channel);

    public void OnFailed(Channel channel)
    {
        Channel = channel;
        Finish();
    }

    private void Pump(Channel channel)
    {
        while (true)
        {
            if (_held is { IsEmpty: false })
            {
                switch (channel.Write(_held.Readable, out var written))
                {
                    case IoStatus.Ok:
                        _held.Consume(written);
                        Bytes += written;
                        continue;
                    case IoStatus.WouldBlock:
                        return;
                    default:
                        Finish();
                        return;
                }
            }
            if (_ended)
            {
                channel.Close();
                Finish();
                return;
            }
            _held ??= buffers.Rent();
            switch (channel.Read(_held.Writable, out var read))
            {
                case IoStatus.Ok:
                    _held.Advance(read);
                    continue;
                case IoStatus.WouldBlock:
                    Release();
                    return;
                case IoStatus.EndOfStream:
                    _ended = true;
                    continue;
                default:
                    Finish();
                    return;
            }
        }
    }

    private void Finish()
    {
        IsFinished = true;
        Release();
    }

    private void Release()
    {
        if (_held is null) return;
        buffers.Return(_held);
        _held = null;
    }
}
