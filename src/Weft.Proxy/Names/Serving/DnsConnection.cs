using System.Buffers.Binary;
using Weft.Proxy.Buffers;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using SocketAddress = Weft.Proxy.Transport.SocketAddress;

namespace Weft.Proxy.Names.Serving;

/// <summary>
/// A client's connection: questions one behind the other, each behind its length in two bytes; answers in the order in which they are there (RFC 7766 section 6.2.1.1). Reading stops
/// while too many questions are under way or the client does not take its answers, and pauses when others have waited long enough for their turn.
/// </summary>
internal sealed class DnsConnection : IChannelHandler, IReplyPath, ITimerHandler, IWorkItem
{
    private const int LengthBytes = 2;

    private readonly DnsListener _listener;
    private readonly Worker _worker;
    private readonly TimerNode _idle;
    private SocketAddress _client;
    private Channel? _channel;
    private ByteBuffer? _in;  // while part of a question is there
    private ByteBuffer? _out; // while the client does not take what there is for it
    private int _pending;
    private bool _ended; // the client has: what it asked for is still answered
    private bool _reading;
    private bool _stopped;
    private bool _deferred;

    public DnsConnection(DnsListener listener, Worker worker) => (_listener, _worker, _idle) = (listener, worker, new TimerNode(this));

    public int MaxBytes(in DnsQuery query) => ushort.MaxValue;

    public void OnOpen(Channel channel)
    {
        _channel = channel;
        SocketAddress.Write(channel.Remote, _client);
        Rest();
    }

    public void OnReadable(Channel channel) => Read();

    public void OnWritable(Channel channel)
    {
        while (_out is { } left)
        {
            var status = channel.Write(left.Readable, out var written);
            if (status == IoStatus.WouldBlock) return;
            if (status != IoStatus.Ok)
            {
                Release();
                return;
            }
            left.Consume(written);
            if (left.IsEmpty) Return(ref _out);
        }
        if (_stopped) Read();
        else CloseWhenDone();
    }

    public void OnFailed(Channel channel) => Release();

    public void Reply(ReadOnlySpan<byte> response, in SocketAddress client)
    {
        _pending--;
        if (_channel is not { IsOpen: true }) return;
        Write(response);
        if (_stopped && !_reading) Read();
        else CloseWhenDone();
    }

    void ITimerHandler.OnTimer(TimerNode node)
    {
        if (_pending > 0) Rest();
        else Close();
    }

    void ITimerHandler.OnTimerFault(TimerNode node) => Close();

    void IWorkItem.Run(Worker worker)
    {
        _deferred = false;
        if (_stopped) Read();
    }

    /// <summary>Reads and answers until there is nothing more, or no more may be taken on.</summary>
    private void Read()
    {
        (_reading, _stopped) = (true, false);
        var left = _worker.Settings.AcceptBatch; // questions of this turn, as many as of datagrams
        while (_channel is { IsOpen: true } channel && !_ended)
        {
            if (!AnswerWhole(ref left)) break;
            var room = _in ??= _worker.Buffers.Rent();
            if (room.Writable.IsEmpty) room.Compact();
            var status = channel.Read(room.Writable, out var read);
            if (status == IoStatus.Ok)
            {
                room.Advance(read);
                continue;
            }
            if (room.IsEmpty) Return(ref _in);
            if (status == IoStatus.EndOfStream) _ended = true;
            else if (status == IoStatus.Failed) Release();
            break;
        }
        _reading = false;
        CloseWhenDone();
    }

    /// <summary>Answers every whole question that was read. False when reading has to stop.</summary>
    /// <param name="left">How many it may be.</param>
    private bool AnswerWhole(ref int left)
    {
        while (_in is { Length: >= LengthBytes } read && _channel is { IsOpen: true })
        {
            if (_out is not null || _pending >= _listener.Resolver.Server.TcpPending)
            {
                _stopped = true;
                return false;
            }
            var length = BinaryPrimitives.ReadUInt16BigEndian(read.Readable);
            if (length > DnsListener.MaxQueryBytes)
            {
                Close();
                return false;
            }
            if (read.Length < LengthBytes + length) break;
            if (left-- == 0)
            {
                GoOnLater();
                return false;
            }
            var answered = _listener.Resolver.Handle(read.Readable.Slice(LengthBytes, length), this, _client, _listener.ResponseRoom);
            if (_in is null) return false; // closed meanwhile
            read.Consume(LengthBytes + length);
            Rest(); // for a whole question: bytes that never become one keep nothing open
            if (answered == Resolver.Waits) _pending++;
            else if (answered > 0) Write(_listener.ResponseRoom[..answered]);
        }
        return _channel is { IsOpen: true };
    }

    private void GoOnLater()
    {
        _stopped = true;
        if (_deferred) return;
        _deferred = true;
        _worker.Defer(this);
    }

    private void Write(ReadOnlySpan<byte> response)
    {
        Span<byte> length = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)response.Length);
        var written = 0;
        if (_out is null && _channel!.Write(length, response, out written) == IoStatus.Failed)
        {
            Release();
            return;
        }
        if (written == LengthBytes + response.Length) return;
        Keep(length[Math.Min(written, LengthBytes)..]);
        Keep(response[Math.Max(written - LengthBytes, 0)..]);
    }

    /// <summary>For when the client takes it. Bounded by the answers that may be under way; more than a megabyte of them is more than anybody is owed.</summary>
    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_channel is not { IsOpen: true }) return;
        _out ??= _worker.Buffers.Rent();
        while (!_out.TryAppend(bytes))
        {
            if (_out.Capacity < BufferPool.LargestBlockBytes && _out.Grow(BufferPool.LargestBlockBytes)) continue;
            Close();
            return;
        }
    }

    private void Rest() => _worker.Timers.Schedule(_idle, (long)_listener.Resolver.Server.TcpIdleTimeout.TotalMilliseconds);

    private void CloseWhenDone()
    {
        if (_ended && _pending == 0 && _out is null) Close();
    }

    private void Close()
    {
        _channel?.Close();
        Release();
    }

    private void Release()
    {
        _worker.Timers.Cancel(_idle);
        Return(ref _in);
        Return(ref _out);
    }

    private void Return(ref ByteBuffer? buffer)
    {
        if (buffer is not null) _worker.Buffers.Return(buffer);
        buffer = null;
    }
}
