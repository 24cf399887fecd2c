using System.Buffers.Text;
using System.Text;

namespace Weft.LoadTest.Engine;

internal enum ReadResult
{
    NeedMore,
    Complete,
    Malformed,
}

/// <summary>
/// Reads one HTTP/1.x response after another from bytes as they come (RFC 9112), keeping only the head. It has no socket and no clock.
/// A load generator needs the status and where the response ends; bodies are counted, not kept.
/// </summary>
internal sealed class ResponseReader
{
    /// <summary>Longest head accepted, in bytes.</summary>
    public const int MaxHead = 32 * 1024;

    private enum Part
    {
        Head,
        Body,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailers,
        UntilClose,
    }

    private readonly byte[] _head = new byte[MaxHead];
    private int _headLength;
    private int _lineLength; // of the chunk size or trailer line so far
    private long _remaining;
    private Part _part;
    private bool _noBody;

    /// <summary>Status code of the response; valid once its head is complete.</summary>
    public int Status { get; private set; }

    /// <summary>True when the connection may carry another request after this response.</summary>
    public bool KeepAlive { get; private set; }

    /// <summary>True once a byte of the response has come.</summary>
    public bool Started { get; private set; }

    /// <summary>Gets ready for the response to the next request.</summary>
    /// <param name="toHead">The request's method is HEAD: its response has no body whatever its fields say.</param>
    public void Begin(bool toHead)
    {
        _part = Part.Head;
        _headLength = 0;
        _noBody = toHead;
        Started = false;
        Status = 0;
    }

    /// <summary>Takes the bytes received. Bytes after the end of the response are an error: nothing was asked that they could answer.</summary>
    public ReadResult Read(ReadOnlySpan<byte> bytes)
    {
        Started |= bytes.Length > 0;
        while (true)
        {
            var result = _part switch
            {
                Part.Head => ReadHead(ref bytes),
                Part.Body => Skip(ref bytes, Part.Head),
                Part.ChunkSize => ReadChunkSize(ref bytes),
                Part.ChunkData => Skip(ref bytes, Part.ChunkEnd),
                Part.ChunkEnd => ReadChunkEnd(ref bytes),
                Part.Trailers => ReadTrailers(ref bytes),
                _ => SkipAll(ref bytes),
            };
            if (result is not { } ended) continue;
            return ended == ReadResult.Complete && bytes.Length > 0 ? ReadResult.Malformed : ended;
        }
    }

    /// <summary>The peer has closed its side: the end of a response that is delimited by it, else the loss of one.</summary>
    public ReadResult End() => _part == Part.UntilClose ? ReadResult.Complete : ReadResult.NeedMore;

    /// <summary>Status line and fault code, for people.</summary>
    public string Describe()
    {
        var head = Encoding.Latin1.GetString(_head, 0, _headLength);
        var line = head[..Math.Max(head.IndexOf('\r', StringComparison.Ordinal), 0)];
        return Field("x-weft-fault"u8, out var fault) ? $"{line} x-weft-fault: {Encoding.Latin1.GetString(fault)}" : line;
    }

    private ReadResult? ReadHead(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return ReadResult.NeedMore;
        var seen = Math.Max(_headLength - 3, 0); // the blank line may straddle two reads
        var taken = Math.Min(bytes.Length, MaxHead - _headLength);
        bytes[..taken].CopyTo(_head.AsSpan(_headLength));
        var end = _head.AsSpan(seen, _headLength + taken - seen).IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            _headLength += taken;
            bytes = bytes[taken..];
            return _headLength == MaxHead ? ReadResult.Malformed : ReadResult.NeedMore;
        }
        var headEnd = seen + end + 4;
        bytes = bytes[(headEnd - _headLength)..];
        _headLength = headEnd;
        return ParseHead();
    }

    private ReadResult? ParseHead()
    {
        var head = _head.AsSpan(0, _headLength);
        if (!head.StartsWith("HTTP/1."u8) || head.Length < 13 || head[8] != ' ') return ReadResult.Malformed;
        if (!Utf8Parser.TryParse(head.Slice(9, 3), out int status, out var digits) || digits != 3 || status < 100) return ReadResult.Malformed;
        Status = status;
        if (status < 200 && status != 101)
        {
            _headLength = 0; // an interim response: the final one follows (RFC 9110 section 15.2)
            return null;
        }
        var version11 = head[7] != '0';
        var connection = Field("connection"u8, out var options) ? options : default;
        KeepAlive = version11 ? !ContainsToken(connection, "close"u8) : ContainsToken(connection, "keep-alive"u8);
        if (_noBody || status is 204 or 304) return ReadResult.Complete;
        if (Field("transfer-encoding"u8, out var coding))
        {
            if (!Ascii.EqualsIgnoreCase(coding, "chunked"u8)) return ReadResult.Malformed;
            BeginLine(Part.ChunkSize);
            return null;
        }
        if (Field("content-length"u8, out var length))
        {
            if (!Utf8Parser.TryParse(length, out _remaining, out var used) || used != length.Length || _remaining < 0) return ReadResult.Malformed;
            _part = Part.Body;
            return null;
        }
        KeepAlive = false;
        _part = Part.UntilClose;
        return null;
    }

    private ReadResult? Skip(ref ReadOnlySpan<byte> bytes, Part next)
    {
        var taken = (int)Math.Min(bytes.Length, _remaining);
        bytes = bytes[taken..];
        _remaining -= taken;
        if (_remaining > 0) return ReadResult.NeedMore;
        if (next == Part.Head) return ReadResult.Complete;
        BeginLine(next);
        return null;
    }

    private static ReadResult? SkipAll(ref ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return ReadResult.NeedMore;
    }

    private void BeginLine(Part part)
    {
        _part = part;
        _lineLength = 0;
        if (part == Part.ChunkSize) _remaining = 0;
    }

    private ReadResult? ReadChunkSize(ref ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            if (next == '\n')
            {
                if (_lineLength == 0) return ReadResult.Malformed;
                if (_remaining == 0) BeginLine(Part.Trailers);
                else _part = Part.ChunkData;
                return null;
            }
            if (_lineLength < 0 || next == '\r') continue; // inside an extension
            if (_lineLength > 0 && (next == ';' || next == ' ')) _lineLength = -1;
            else if (!char.IsAsciiHexDigit((char)next) || ++_lineLength > 15) return ReadResult.Malformed;
            else _remaining = (_remaining << 4) + HexValue(next);
        }
        return ReadResult.NeedMore;
    }

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private ReadResult? ReadChunkEnd(ref ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            if (next != "\r\n"u8[_lineLength]) return ReadResult.Malformed;
            if (++_lineLength < 2) continue;
            BeginLine(Part.ChunkSize);
            return null;
        }
        return ReadResult.NeedMore;
    }

    private ReadResult? ReadTrailers(ref ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            if (next == '\r') continue;
            if (next != '\n') _lineLength++;
            else if (_lineLength == 0) return ReadResult.Complete;
            else _lineLength = 0;
        }
        return ReadResult.NeedMore;
    }

    private bool Field(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        var rest = (ReadOnlySpan<byte>)_head.AsSpan(0, _headLength);
        while (rest.IndexOf("\r\n"u8) is >= 0 and var end)
        {
            var line = rest[..end];
            rest = rest[(end + 2)..];
            if (line.Length <= name.Length || line[name.Length] != ':' || !Ascii.EqualsIgnoreCase(line[..name.Length], name)) continue;
            value = line[(name.Length + 1)..].Trim(" \t"u8);
            return true;
        }
        value = default;
        return false;
    }

    private static bool ContainsToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        foreach (var range in list.Split((byte)','))
            if (Ascii.EqualsIgnoreCase(list[range].Trim(" \t"u8), token)) return true;
        return false;
    }
}
