namespace Weft.Proxy.Http2;

/// <summary>How a stream that is no longer open came to its end; frames that still arrive for it are judged by that (RFC 9113 section 5.1).</summary>
internal enum StreamEnd : byte
{
    /// <summary>Its id was passed over, or it ended too long ago to be remembered.</summary>
    Unknown,

    /// <summary>Both sides said END_STREAM: a frame after it is an error.</summary>
    Complete,

    /// <summary>We reset it: frames that were on their way are ignored.</summary>
    ResetByUs,

    /// <summary>The peer reset it.</summary>
    ResetByPeer,
}

/// <summary>The ends of the last <see cref="Remembered"/> streams of one connection, two bits each. Made when the first stream ends.</summary>
internal struct StreamHistory
{
    public const int Remembered = 1024;

    private ulong[]? _bits;
    private int _newest;

    /// <summary>A stream with a higher id than all before was opened: the ids in between were passed over.</summary>
    public void Opened(int id)
    {
        if (_bits is null) return;
        var skipped = Math.Min((id - _newest) / 2, Remembered);
        for (var i = 0; i < skipped; i++) Set(id - i * 2, StreamEnd.Unknown);
        _newest = id;
    }

    public void Ended(int id, StreamEnd end)
    {
        if (_bits is null)
        {
            _bits = new ulong[Remembered * 2 / 64];
            _newest = id;
        }
        if (id > _newest) Opened(id);
        if (_newest - id < Remembered * 2) Set(id, end);
    }

    public readonly StreamEnd this[int id]
    {
        get
        {
            if (_bits is null || id > _newest || _newest - id >= Remembered * 2) return StreamEnd.Unknown;
            var index = (id >> 1) & (Remembered - 1);
            return (StreamEnd)((_bits[index >> 5] >> ((index & 31) * 2)) & 3);
        }
    }

    private readonly void Set(int id, StreamEnd end)
    {
        var index = (id >> 1) & (Remembered - 1);
        ref var word = ref _bits![index >> 5];
        var shift = (index & 31) * 2;
        word = (word & ~(3UL << shift)) | ((ulong)end << shift);
    }
}
