using System.Diagnostics.CodeAnalysis;
using System.Net;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http2;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Listening;

/// <summary>
/// The bytes of a CONNECT over HTTP/2 (RFC 9113 section 8.5) as a channel: DATA is what a socket would give, END_STREAM is its FIN, RST_STREAM its reset. Whatever can be served on
/// a connection is served in it.
/// </summary>
/// <remarks>At most one block of input is held: the stream gives the next piece when this one was read, so its window is the backpressure. Handlers are called from the worker's loop
/// and never from inside the session, which is in the midst of a frame when it tells us something.</remarks>
internal sealed class Http2TunnelChannel : Channel, IWorkItem
{
    private readonly Worker _worker;
    private readonly Http2ServerStream _server;
    private readonly Http2ServerConnection _owner;
    private readonly Http2Stream _stream;
    private readonly Channel _under;
    private ByteBuffer? _input;
    private bool _opened;
    private bool _deferred;
    private bool _reading;
    private bool _ended;
    private bool _awaitsRead = true;
    private bool _awaitsWrite;
    private bool _blocked;
    private bool _finSent;
    private bool _gone;

    [SetsRequiredMembers]
    public Http2TunnelChannel(Worker worker, Http2ServerStream server, Http2ServerConnection owner, Http2Stream stream, Channel under, IChannelHandler handler)
    {
        _worker = worker;
        _server = server;
        _owner = owner;
        _stream = stream;
        _under = under;
        Handler = handler;
        Peer = under.Peer;
        IsOpen = true;
        Defer();
    }

    public override IPEndPoint Remote => _under.Remote;

    public override IPEndPoint Local => _under.Local;

    // ---- the stream's events

    /// <summary>False: no more until it was read.</summary>
    public bool OnData(ReadOnlySpan<byte> data)
    {
        if (!IsOpen) return true;
        _input ??= _worker.Buffers.Rent(data.Length);
        if (!_input.TryAppend(data)) throw new InvalidOperationException("the stream gave a second piece before the first was read");
        if (_awaitsRead && !_reading) Defer();
        return false;
    }

    public void OnEnd()
    {
        _ended = true;
        if (_awaitsRead && !_reading) Defer();
    }

    public void OnWritable()
    {
        _blocked = false;
        if (_awaitsWrite) Defer();
    }

    /// <summary>The stream is gone.</summary>
    public void OnBroken(string why)
    {
        if (!IsOpen) return;
        Failure = ChannelFailure.Reset;
        FailureText = why;
        Forget();
        Defer();
    }

    /// <summary>The stream has ended and its object serves another request: it must not be touched again.</summary>
    public void OnStreamGone() => _gone = true;

    // ---- the channel

    public override IoStatus Read(Span<byte> into, out int read)
    {
        read = 0;
        if (into.IsEmpty) throw new ArgumentException("room for at least one byte is needed: an empty read looks like the end", nameof(into));
        if (!IsOpen) return IoStatus.Failed;
        if (_input is null && !_ended && !_gone)
        {
            _reading = true; // what waits in the stream comes within this call
            _stream.Resume();
            _reading = false;
            _owner.ScheduleFlush(); // the window that was opened
            if (!IsOpen) return IoStatus.Failed;
        }
        if (_input is null)
        {
            if (_ended) return IoStatus.EndOfStream;
            _awaitsRead = true;
            return IoStatus.WouldBlock;
        }
        read = Math.Min(into.Length, _input.Length);
        _input.Readable[..read].CopyTo(into);
        _input.Consume(read);
        if (_input.IsEmpty) ReturnInput();
        return IoStatus.Ok;
    }

    public override IoStatus Write(ReadOnlySpan<byte> from, out int written)
    {
        written = 0;
        if (!IsOpen || _gone) return IoStatus.Failed;
        if (from.IsEmpty) return IoStatus.Ok;
        if (_blocked)
        {
            _awaitsWrite = true;
            return IoStatus.WouldBlock;
        }
        _blocked = !_stream.Write(from); // it takes all, and then no more
        _owner.ScheduleFlush();
        written = from.Length;
        return IsOpen ? IoStatus.Ok : IoStatus.Failed;
    }

    public override IoStatus Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int written)
    {
        var status = Write(first, out written);
        if (status != IoStatus.Ok || _blocked || second.IsEmpty) return status;
        status = Write(second, out var more);
        written += more;
        return status;
    }

    public override void ShutdownWrite()
    {
        if (!IsOpen || _finSent || _gone) return;
        _finSent = true;
        _stream.WriteEnd(default);
        _owner.ScheduleFlush();
    }

    public override void Close()
    {
        if (!IsOpen) return;
        ShutdownWrite();
        Forget();
        if (!_gone)
        {
            _stream.Leave();
            if (!_gone) _server.WatchLeaving();
        }
        _owner.ScheduleFlush();
    }

    /// <inheritdoc/>
    /// <remarks>CONNECT_ERROR is HTTP/2's word for a connection that was reset (RFC 9113 section 8.5).</remarks>
    public override void Abort()
    {
        if (!IsOpen) return;
        Forget();
        if (!_gone) _stream.Reset(Http2ErrorCode.ConnectError);
        _owner.ScheduleFlush();
    }

    void IWorkItem.Run(Worker worker)
    {
        _deferred = false;
        try
        {
            Tell();
        }
        catch (Exception e)
        {
            worker.Report("channel", $"a CONNECT over HTTP/2 from {Remote}, handler {Handler.GetType().Name}", e);
            if (!IsOpen) return;
            Abort();
            Failure = ChannelFailure.Other;
            Handler.OnFailed(this);
        }
    }

    private void Tell()
    {
        if (!_opened)
        {
            _opened = true;
            if (IsOpen) Handler.OnOpen(this);
        }
        if (!IsOpen)
        {
            if (Failure != ChannelFailure.None) Handler.OnFailed(this);
            return;
        }
        if (_awaitsWrite && !_blocked)
        {
            _awaitsWrite = false;
            Handler.OnWritable(this);
        }
        if (!IsOpen || !_awaitsRead) return;
        _awaitsRead = false; // also before anything has come: the first read asks the stream for it
        Handler.OnReadable(this);
    }

    private void Defer()
    {
        if (_deferred) return;
        _deferred = true;
        _worker.Defer(this);
    }

    private void Forget()
    {
        IsOpen = false;
        ReturnInput();
    }

    private void ReturnInput()
    {
        if (_input is null) return;
        _worker.Buffers.Return(_input);
        _input = null;
    }
}
