using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Http2;

/// <content>Bytes between the channel and the session.</content>
internal abstract partial class Http2Connection
{
    // ---- reading

    private void Begin(Channel channel)
    {
        _channel = channel;
        _state = State.Open;
        _openedMs = _heardMs = _progressMs = Worker.NowMs;
        Session.Start();
        OnOpened(channel);
        ScheduleTimer();
        ScheduleFlush();
    }

    private void ReadAll(bool alreadyRead)
    {
        if (_processing) return;
        _processing = true;
        try
        {
            ReadSome(alreadyRead);
        }
        catch (Exception e)
        {
            // Framing or compression state may be torn: the connection cannot go on.
            Worker.Report("connection", GetType().Name, e);
            Finish("an exception in its codec: " + e.GetType().Name, reset: true);
        }
        finally
        {
            _processing = false;
        }
        if (_state == State.Closed) ReturnInput();
        else if (_input is { IsEmpty: true }) ReturnInput();
        if (_state != State.Open) return;
        if (Session.IsFailed) Fail();
        else if (_peerEnded) OnPeerEnded();
        ScheduleFlush();
        ScheduleTimer();
    }

    private void ReadSome(bool alreadyRead)
    {
        var left = BytesPerTurn;
        while (_state == State.Open && !Session.IsFailed)
        {
            if (!alreadyRead && !Fill(ref left)) break;
            alreadyRead = false;
            var taken = Session.Receive(_input!.Readable, Worker.NowMs);
            _input.Consume(taken);
            if (_state != State.Open || Session.IsFailed) return; // what came with a fault starts nothing
            // A frame that does not end is as slow a head as one without end.
            if (!IsWithinHead) _headStartedMs = long.MaxValue;
            else if (_headStartedMs == long.MaxValue || taken > 0 && !Session.IsWithinHead) _headStartedMs = Worker.NowMs;
            Session.EndReceive();
        }
    }

    /// <summary>Reads once. False: nothing came, or nothing more is to be read now.</summary>
    private bool Fill(ref int left)
    {
        if (!_readable) return false;
        if (IsOutputUnread)
        {
            // Who does not read our answers gets no more of its questions read.
            Flush();
            if (_state != State.Open || IsOutputUnread) return false;
        }
        if (left <= 0)
        {
            if (!_deferred) Worker.Defer(this);
            _deferred = true;
            return false;
        }
        if (_bulk && _input is { IsEmpty: true, Capacity: < BulkReadBytes })
        {
            Worker.Buffers.Return(_input);
            _input = null;
        }
        _input ??= Worker.Buffers.Rent(_bulk ? BulkReadBytes : ReadBytes);
        if (_input.Writable.Length < PeerSettings.SmallestFrame) _input.Grow(ReadBytes);
        var asked = _input.Writable.Length;
        switch (_channel.Read(_input.Writable, out var read))
        {
            case IoStatus.Ok:
                _bulk = read == asked;
                _input.Advance(read);
                left -= read;
                _heardMs = Worker.NowMs;
                return true;
            case IoStatus.WouldBlock:
                _readable = false;
                return false;
            case IoStatus.EndOfStream:
                _readable = false;
                _peerEnded = true;
                return false;
            default:
                Finish(_channel.FailureText.Length > 0 ? _channel.FailureText : "connection reset", reset: true);
                return false;
        }
    }

    private bool IsOutputUnread => Session.Output.Length >= _settings.UnreadOutputBytes;

    private void ReturnInput()
    {
        if (_input is null || _processing) return;
        Worker.Buffers.Return(_input);
        _input = null;
    }

    // ---- writing

    private void Flush()
    {
        if (_blocked || _state != State.Open) return;
        if (Session.IsFailed && !_processing) // found while sending: nobody reads, who would end the connection otherwise
        {
            Fail();
            return;
        }
        var waited = !Session.Output.IsEmpty;
        switch (waited ? Session.Output.Flush(_channel) : IoStatus.Ok)
        {
            case IoStatus.Failed:
                Finish(_channel.FailureText.Length > 0 ? _channel.FailureText : "connection reset", reset: true);
                return;
            case IoStatus.WouldBlock:
                Block();
                if (_readable && !_processing && !IsOutputUnread) ReadAll(alreadyRead: false); // also when it had been refused: the peer has taken some
                return;
        }
        if (_closeWhenWritten)
        {
            StartLingering("the connection was ended");
            return;
        }
        if (_peerEnded && Session.StreamCount == 0)
        {
            Finish(PeerEnded, reset: false);
            return;
        }
        Session.OnOutputDrained();
        if (!Session.Output.IsEmpty) ScheduleFlush();
        else if (_readable && !_processing) ReadAll(alreadyRead: false);
    }

    private void Block()
    {
        _blocked = true;
        _progressMs = Worker.NowMs;
        ScheduleTimer();
    }
}
