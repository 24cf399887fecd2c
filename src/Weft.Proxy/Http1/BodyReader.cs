namespace Weft.Proxy.Http1;

/// <summary>The body of one message, however it is framed. Payload is returned as views of the input; nothing is copied.</summary>
public struct BodyReader
{
    private readonly BodyKind _kind;
    private readonly bool _response;
    private long _remaining;
    private bool _closed;
    private Http1Error _error;
    private ChunkedReader _chunks;

    /// <summary>Reads what follows <paramref name="head"/>, whose <see cref="Http1Head.Trailers"/> it fills.</summary>
    public BodyReader(Http1Head head, Http1Limits limits)
    {
        _kind = head.Body;
        _response = head.IsResponse;
        _remaining = head.Body == BodyKind.Length ? head.ContentLength : 0;
        if (_kind == BodyKind.Chunked) _chunks = new ChunkedReader(limits, head.Trailers);
    }

    private BodyReader(BodyKind kind) => _kind = kind;

    /// <summary>Reads bytes that belong to no message: what follows a switch of protocols, until the peer ends its direction.</summary>
    public static BodyReader Tunnel { get; } = new(BodyKind.UntilClose);

    /// <summary>Set after Invalid.</summary>
    public readonly Http1Error Error => _error;

    public readonly BodyKind Kind => _kind;

    /// <summary>True once every byte of the message was read: what follows belongs to the next one.</summary>
    public readonly bool IsComplete => _kind switch
    {
        BodyKind.Length => _remaining == 0,
        BodyKind.Chunked => _chunks.IsComplete,
        BodyKind.UntilClose => _closed,
        _ => true,
    };

    /// <inheritdoc cref="ChunkedReader.Read"/>
    public BodyStatus Read(ReadOnlySpan<byte> input, out int consumed, out ReadOnlySpan<byte> data)
    {
        consumed = 0;
        data = default;
        if (_error.Kind != Http1ErrorKind.None) return BodyStatus.Invalid;
        switch (_kind)
        {
            case BodyKind.Length:
                if (_remaining == 0) return BodyStatus.End;
                if (input.Length == 0) return BodyStatus.NeedMore;
                data = _remaining < input.Length ? input[..(int)_remaining] : input;
                consumed = data.Length;
                _remaining -= data.Length;
                return BodyStatus.Data;
            case BodyKind.Chunked:
                var status = _chunks.Read(input, out consumed, out data);
                return status == BodyStatus.Invalid ? Fail(_chunks.Error) : status;
            case BodyKind.UntilClose:
                if (_closed) return BodyStatus.End;
                if (input.Length == 0) return BodyStatus.NeedMore;
                data = input;
                consumed = input.Length;
                return BodyStatus.Data;
            default:
                return BodyStatus.End;
        }
    }

    /// <summary>The peer sent its last byte: End when the message was complete or ends so, else Invalid. A cut message must not
    /// reach the receiver as a complete one (RFC 9112 section 8).</summary>
    public BodyStatus OnEndOfStream()
    {
        if (_error.Kind != Http1ErrorKind.None) return BodyStatus.Invalid;
        if (_kind == BodyKind.UntilClose) _closed = true;
        return IsComplete ? BodyStatus.End : Fail(Http1Error.Bad("the connection closed before the end of the body"));
    }

    private BodyStatus Fail(Http1Error error)
    {
        _error = _response ? error with { Kind = Http1ErrorKind.ResponseProtocol } : error;
        return BodyStatus.Invalid;
    }
}
