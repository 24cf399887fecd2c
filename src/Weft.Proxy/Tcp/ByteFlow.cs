using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Tcp;

/// <summary>How <see cref="ByteFlow.Pump"/> has left a direction.</summary>
internal enum FlowStatus : byte
{
    /// <summary>One of its channels will call when it can go on.</summary>
    Waits,

    /// <summary>It could go on at once, and has had its share of this turn.</summary>
    HasMore,

    /// <summary>The source has ended and its last byte was taken: its end can be passed on.</summary>
    Ended,

    SourceBroke,
    TargetBroke,
}

/// <summary>
/// One direction between two channels. What the source gives the target gets, in blocks of 64 KiB; when the target takes no more, the source is not read: at most one block is held, and only
/// while it holds something. The source's end is passed on after its last byte, and says nothing of the other direction.
/// </summary>
/// <remarks>Where both channels are plain sockets and the direction carries bulk, its bytes go through a pipe and never leave the kernel. A pipe moves bytes and nothing else: ends, and what
/// else is not bytes, are read.</remarks>
internal sealed class ByteFlow(Worker worker, Channel source, Channel target)
{
    /// <summary>Bytes that one direction may move before the worker's other connections have their turn.</summary>
    private const int BytesPerTurn = 1 << 20;

    private BulkDetector _bulk;
    private ByteBuffer? _held;     // what the target has not taken
    private Pipe? _piped;          // the same, in the kernel; never both
    private int _ownBytes;         // at the beginning of what is held: not the source's
    private bool _readable = true; // until the source says otherwise: what came before this flow makes no new event
    private bool _blocked;
    private bool _sourceEnded;

    public Channel Source => source;

    public Channel Target => target;

    /// <summary>Bytes of the source that the target has taken.</summary>
    public long Moved { get; private set; }

    /// <summary>The source has ended and its last byte was taken: the target is to be told.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>What has been read of the source already; given up to this flow.</summary>
    public void BeginWith(ByteBuffer read) => _held = read;

    /// <summary>What the target is to get before anything of the source.</summary>
    public void BeginWith(ReadOnlySpan<byte> own)
    {
        _held = worker.Buffers.Rent(BufferPool.BulkBytes);
        _held.TryAppend(own);
        _ownBytes = own.Length;
    }

    public void SourceReadable() => _readable = true;

    public void TargetWritable() => _blocked = false;

    /// <summary>Moves what can be moved now.</summary>
    public FlowStatus Pump()
    {
        for (var limit = Moved + BytesPerTurn; Moved < limit;)
        {
            if (HoldsBytes)
            {
                if (_blocked) return FlowStatus.Waits;
                var status = Write();
                if (status != IoStatus.Ok) return status == IoStatus.WouldBlock ? FlowStatus.Waits : FlowStatus.TargetBroke;
            }
            if (_sourceEnded)
            {
                Drop();
                IsEnded = true;
                return FlowStatus.Ended;
            }
            if (!_readable)
            {
                Drop();
                return FlowStatus.Waits;
            }
            if (!(_bulk.IsBulk && TakePipe() ? FillPipe() : Fill()))
            {
                if (HoldsBytes) Write(); // what came before the break: often the reason for it
                return FlowStatus.SourceBroke;
            }
        }
        return FlowStatus.HasMore;
    }

    /// <summary>Gives back what it holds.</summary>
    public void Drop()
    {
        if (_held is not null) worker.Buffers.Return(_held);
        if (_piped is not null) worker.Pipes.Return(_piped);
        (_held, _piped) = (null, null);
    }

    private bool HoldsBytes => _held is { IsEmpty: false } || _piped is { IsEmpty: false };

    /// <summary>Fills a block as far as the source has something: TLS gives a record of 16 KiB at a time, and one write for four of them costs a quarter. False: it broke.</summary>
    private bool Fill()
    {
        if (_piped is not null) Drop();
        _held ??= worker.Buffers.Rent(BufferPool.BulkBytes);
        do
        {
            switch (source.Read(_held.Writable, out var read))
            {
                case IoStatus.Ok:
                    _held.Advance(read);
                    break;
                case IoStatus.WouldBlock:
                    _readable = false;
                    _bulk.Copied(_held.Length);
                    return true;
                case IoStatus.EndOfStream:
                    _readable = false;
                    _sourceEnded = true;
                    return true;
                default:
                    return false;
            }
        }
        while (!_held.Writable.IsEmpty);
        _bulk.Copied(_held.Length);
        return true;
    }

    /// <summary>False: these channels have no way through the kernel, or the worker has no pipe to spare; then the bytes are copied.</summary>
    private bool TakePipe()
    {
        if (_piped is not null) return true;
        if (source is not PlainChannel || target is not PlainChannel || worker.Pipes.TryRent() is not { } pipe) return false;
        Drop();
        _piped = pipe;
        return true;
    }

    /// <summary>As <see cref="Fill"/>, into the pipe.</summary>
    private bool FillPipe()
    {
        switch (((PlainChannel)source).Read(_piped!, out var read))
        {
            case IoStatus.Ok:
                _bulk.Spliced(read);
                return true;
            case IoStatus.WouldBlock:
                _readable = false;
                return true;
            case IoStatus.EndOfStream:
                _bulk.Never();
                return Fill();
            default:
                return false;
        }
    }

    /// <summary>Writes what is held, all of it unless it would block or the target breaks.</summary>
    private IoStatus Write()
    {
        while (HoldsBytes)
        {
            int written;
            var status = _piped is null ? target.Write(_held!.Readable, out written) : ((PlainChannel)target).Write(_piped, out written);
            if (status != IoStatus.Ok)
            {
                _blocked = status == IoStatus.WouldBlock;
                return status;
            }
            if (_piped is null) _held!.Consume(written);
            var own = Math.Min(_ownBytes, written);
            _ownBytes -= own;
            Moved += written - own;
        }
        return IoStatus.Ok;
    }
}
