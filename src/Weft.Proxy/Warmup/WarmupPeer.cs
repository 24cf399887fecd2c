using Weft.Proxy.Buffers;
using Weft.Proxy.Http1;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Warmup;

/// <summary>Either end of the exercise: reads whole HTTP/1 messages from a channel, drops their bodies, and writes short ones.</summary>
internal abstract class WarmupPeer(Worker worker) : IChannelHandler
{
    private readonly Http1Head _head = new();
    private Channel? _channel;
    private ByteBuffer? _input;
    private BodyReader _body;
    private bool _inBody;

    protected Http1Head Head => _head;

    protected Worker Worker => worker;

    public virtual void OnOpen(Channel channel) => _channel = channel;

    public void OnReadable(Channel channel)
    {
        _input ??= worker.Buffers.Rent();
        while (channel.IsOpen)
        {
            if (_input.Writable.IsEmpty)
            {
                Close(); // no message of the exercise is as long as a buffer
                OnEnded();
                return;
            }
            switch (channel.Read(_input.Writable, out var read))
            {
                case IoStatus.Ok:
                    _input.Advance(read);
                    while (channel.IsOpen && _input is not null && TryRead(_input)) { }
                    if (_input is null) return;
                    break;
                case IoStatus.WouldBlock:
                    return;
                default:
                    Close();
                    OnEnded();
                    return;
            }
        }
    }

    public void OnWritable(Channel channel) { }

    public void OnFailed(Channel channel)
    {
        Close();
        OnEnded();
    }

    /// <summary>Parses the next head; what <see cref="OnMessage"/> needs of it is to be taken now.</summary>
    protected abstract ParseStatus ParseHead(ReadOnlySpan<byte> input, Http1Head head);

    /// <summary>A message has arrived to its end.</summary>
    protected abstract void OnMessage();

    /// <summary>The connection is gone.</summary>
    protected abstract void OnEnded();

    /// <summary>Short enough to fit into a socket's buffer always.</summary>
    protected void Send(ReadOnlySpan<byte> message)
    {
        while (!message.IsEmpty && _channel!.Write(message, out var written) == IoStatus.Ok) message = message[written..];
    }

    protected void Close()
    {
        if (_channel is { IsOpen: true }) _channel.Close();
        if (_input is not null) worker.Buffers.Return(_input);
        _input = null;
    }

    protected void Abort()
    {
        if (_channel is { IsOpen: true }) _channel.Abort();
        Close();
    }

    private bool TryRead(ByteBuffer input)
    {
        if (!_inBody)
        {
            if (input.IsEmpty || ParseHead(input.Readable, _head) != ParseStatus.Done) return false;
            _body = new BodyReader(_head, Http1Limits.Default);
            input.Consume(_head.Length);
            _inBody = true;
        }
        var status = _body.Read(input.Readable, out var consumed, out _);
        input.Consume(consumed);
        if (status == BodyStatus.End)
        {
            _inBody = false;
            OnMessage();
            return true;
        }
        return status == BodyStatus.Data;
    }
}
