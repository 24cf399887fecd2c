using System.Buffers.Binary;
using System.Net;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>A question over a connection of its own (RFC 7766): its length in two bytes, then the message; the answer likewise. The lookup's deadline bounds it.</summary>
internal sealed class TcpAttempt : IChannelHandler, IUpstreamAttempt
{
    private const int LengthBytes = 2;

    private readonly Lookup _lookup;
    private readonly Channel _channel;
    private readonly byte[] _request;
    private byte[] _answer = new byte[LengthBytes];
    private int _sent;
    private int _received;

    public TcpAttempt(Forwarder forwarder, Lookup lookup, IPEndPoint server, ushort id, ReadOnlySpan<byte> message)
    {
        (_lookup, Id) = (lookup, id);
        _request = new byte[LengthBytes + message.Length];
        BinaryPrimitives.WriteUInt16BigEndian(_request, (ushort)message.Length);
        message.CopyTo(_request.AsSpan(LengthBytes));
        _channel = forwarder.Worker.Connect(server, tls: null, "", forwarder.Settings.AttemptTimeout, this);
    }

    public ushort Id { get; }

    public int LocalPort => _channel.IsOpen ? _channel.Local.Port : 0;

    public bool IsTcp => true;

    public void Close() => _channel.Close();

    public void OnOpen(Channel channel) => Send(channel);

    public void OnWritable(Channel channel) => Send(channel);

    public void OnReadable(Channel channel)
    {
        while (channel.IsOpen)
        {
            switch (channel.Read(_answer.AsSpan(_received), out var read))
            {
                case IoStatus.Ok:
                    _received += read;
                    if (Take()) return;
                    break;
                case IoStatus.WouldBlock:
                    return;
                default:
                    Fail(channel);
                    return;
            }
        }
    }

    public void OnFailed(Channel channel) => _lookup.OnFailed(this);

    private void Send(Channel channel)
    {
        while (_sent < _request.Length)
        {
            var status = channel.Write(_request.AsSpan(_sent), out var written);
            if (status == IoStatus.WouldBlock) return;
            if (status != IoStatus.Ok)
            {
                Fail(channel);
                return;
            }
            _sent += written;
        }
    }

    /// <summary>True when the answer is whole, and this is over.</summary>
    private bool Take()
    {
        if (_received < _answer.Length) return false;
        if (_answer.Length == LengthBytes)
        {
            var length = BinaryPrimitives.ReadUInt16BigEndian(_answer);
            Array.Resize(ref _answer, LengthBytes + Math.Max(length, (ushort)1)); // a message of no bytes is waited for in vain
            return false;
        }
        // What is no answer to the question on a connection that is for this question alone ends it.
        if (!_lookup.OnMessage(this, _answer.AsSpan(LengthBytes))) Fail(_channel);
        return true;
    }

    private void Fail(Channel channel)
    {
        channel.Close();
        _lookup.OnFailed(this);
    }
}
