using System.Text;

namespace Weft.Proxy.Http1;

/// <summary>What a body reader found.</summary>
public enum BodyStatus : byte
{
    /// <summary>Payload, never empty.</summary>
    Data,

    /// <summary>Nothing more in the input; unconsumed bytes are to be given again with more behind them.</summary>
    NeedMore,

    /// <summary>The message is complete.</summary>
    End,

    /// <summary>Refused, or cut off; the reader's error says why.</summary>
    Invalid,
}

/// <summary>
/// The chunked coding (RFC 9112 section 7.1). Strict: a size is hexadecimal digits and nothing else, extensions follow the grammar and are
/// dropped, and every line ends with CRLF.
/// </summary>
public struct ChunkedReader
{
    private enum State : byte
    {
        SizeLine,
        Data,
        DataEnd,
        Trailers,
        Complete,
    }

    private readonly Http1Limits _limits;
    private readonly Http1Trailers _trailers;
    private State _state;
    private LineScanner _lines;
    private long _remaining;
    private long _overhead;

    /// <param name="limits">Limits on chunk lines and on the trailer section.</param>
    /// <param name="trailers">Receives the trailers; cleared.</param>
    public ChunkedReader(Http1Limits limits, Http1Trailers trailers)
    {
        _limits = limits;
        _trailers = trailers;
        trailers.Clear();
    }

    public Http1Error Error { get; private set; }

    public readonly bool IsComplete => _state == State.Complete;

    /// <summary>Takes framing from <paramref name="input"/> up to the next payload.</summary>
    /// <param name="input">Bytes that were not consumed before, and what arrived since.</param>
    /// <param name="consumed">How many bytes are done with, <paramref name="data"/> included. On NeedMore an incomplete line may remain.</param>
    /// <param name="data">With Data the payload; with End the trailer section that the trailers' offsets point into; else empty. A view of
    /// the input.</param>
    public BodyStatus Read(ReadOnlySpan<byte> input, out int consumed, out ReadOnlySpan<byte> data)
    {
        consumed = 0;
        data = default;
        while (true)
        {
            var rest = input[consumed..];
            switch (_state)
            {
                case State.SizeLine:
                    var size = ReadSizeLine(rest, ref consumed);
                    if (size != ParseStatus.Done) return Stop(size);
                    break;
                case State.Data:
                    if (rest.Length == 0) return BodyStatus.NeedMore;
                    data = _remaining < rest.Length ? rest[..(int)_remaining] : rest;
                    consumed += data.Length;
                    _remaining -= data.Length;
                    if (_remaining == 0) _state = State.DataEnd;
                    return BodyStatus.Data;
                case State.DataEnd:
                    if (!rest.StartsWith("\r\n"u8))
                    {
                        if (rest.Length == 0 || (rest.Length == 1 && rest[0] == '\r')) return BodyStatus.NeedMore;
                        return Fail("a chunk is not followed by CRLF");
                    }
                    consumed += 2;
                    _state = State.SizeLine;
                    break;
                case State.Trailers:
                    var trailers = ReadTrailers(rest, ref consumed, out data);
                    return trailers == ParseStatus.Done ? BodyStatus.End : Stop(trailers);
                default:
                    return BodyStatus.End;
            }
        }
    }

    private ParseStatus ReadSizeLine(ReadOnlySpan<byte> rest, ref int consumed)
    {
        var tooLong = new Http1Error(
            Http1ErrorKind.BadRequest, "a chunk line passes the limit MaxChunkLineBytes, in bytes", _limits.MaxChunkLineBytes);
        var status = _lines.Next(rest, _limits.MaxChunkLineBytes, tooLong, out var start, out var end, out var error);
        Error = error;
        if (status != ParseStatus.Done) return status;
        var line = rest[start..end];
        if (!TrySize(line, out var size, out var sizeLength))
        {
            Error = Http1Error.Bad("a chunk size is not a hexadecimal number below 2^63");
            return ParseStatus.Invalid;
        }
        if (!ChunkExtensions.AreValid(line[sizeLength..]))
        {
            Error = Http1Error.Bad("a chunk extension is malformed");
            return ParseStatus.Invalid;
        }
        _overhead = Math.Max(0, _overhead + end + 2 - 16 - (2 * Math.Min(size, _limits.MaxChunkOverheadBytes)));
        if (_overhead > _limits.MaxChunkOverheadBytes)
        {
            Error = new Http1Error(
                Http1ErrorKind.BadRequest, "chunk lines pass the limit MaxChunkOverheadBytes, in bytes", _limits.MaxChunkOverheadBytes);
            return ParseStatus.Invalid;
        }
        consumed += end + 2;
        _lines = default;
        _remaining = size;
        _state = size == 0 ? State.Trailers : State.Data;
        return ParseStatus.Done;
    }

    private ParseStatus ReadTrailers(ReadOnlySpan<byte> rest, scoped ref int consumed, out ReadOnlySpan<byte> section)
    {
        section = default;
        var tooLarge = new Http1Error(
            Http1ErrorKind.HeaderTooLarge, "the trailer section passes the limit MaxTrailerBytes, in bytes", _limits.MaxTrailerBytes);
        var status = FieldParser.Parse(rest, _limits.MaxTrailerBytes, tooLarge, _limits.MaxFields, _trailers.FieldList, ref _lines, out var error);
        Error = error;
        if (status != ParseStatus.Done) return status;
        section = rest[.._lines.Start];
        _trailers.DropForbidden(section);
        consumed += _lines.Start;
        _state = State.Complete;
        return ParseStatus.Done;
    }

    private static bool TrySize(ReadOnlySpan<byte> line, out long size, out int length)
    {
        size = 0;
        for (length = 0; length < line.Length; length++)
        {
            var digit = Octets.Hex(line[length]);
            if (digit < 0) break;
            if (size > long.MaxValue >> 4) return false;
            size = (size << 4) | (uint)digit;
        }
        return length != 0;
    }

    private BodyStatus Fail(string rule)
    {
        Error = Http1Error.Bad(rule);
        return BodyStatus.Invalid;
    }

    private static BodyStatus Stop(ParseStatus status) => status == ParseStatus.NeedMore ? BodyStatus.NeedMore : BodyStatus.Invalid;
}
