using System.Buffers;
using System.Text;

namespace Weft.Proxy.Admin;

/// <summary>
/// A body as it is made, as bytes or as text, in pooled segments. A body is complete before the first byte of it is sent: whoever makes it may hold
/// a lock, and must not wait for a client that does not read. Segments stay below the large object heap, whose collections stop the workers.
/// </summary>
internal sealed class ResponseBody : TextWriter, IBufferWriter<byte>
{
    private const int SegmentBytes = 32 * 1024;

    private readonly List<(byte[] Bytes, int Used)> _full = [];
    private readonly Encoder _encoder = Encoding.UTF8.GetEncoder(); // keeps the first half of a surrogate pair from one call to the next
    private byte[] _last = [];
    private int _used;

    public override Encoding Encoding => Encoding.UTF8;

    public long Length => _full.Sum(s => (long)s.Used) + _used;

    public IEnumerable<ReadOnlyMemory<byte>> Segments
    {
        get
        {
            foreach (var (bytes, used) in _full) yield return bytes.AsMemory(0, used);
            if (_used > 0) yield return _last.AsMemory(0, _used);
        }
    }

    public void Clear()
    {
        foreach (var (bytes, _) in _full) ArrayPool<byte>.Shared.Return(bytes);
        if (_last.Length > 0) ArrayPool<byte>.Shared.Return(_last);
        _full.Clear();
        _last = [];
        _used = 0;
        _encoder.Reset();
    }

    public void Advance(int count) => _used += count;

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_last.Length - _used < Math.Max(1, sizeHint))
        {
            if (_used > 0) _full.Add((_last, _used));
            else if (_last.Length > 0) ArrayPool<byte>.Shared.Return(_last);
            _last = ArrayPool<byte>.Shared.Rent(Math.Max(SegmentBytes, sizeHint));
            _used = 0;
        }
        return _last.AsMemory(_used);
    }

    public override void Write(char value) => Write(new ReadOnlySpan<char>(in value));

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        while (!buffer.IsEmpty)
        {
            _encoder.Convert(buffer, GetSpan(4), flush: false, out var chars, out var bytes, out _);
            Advance(bytes);
            buffer = buffer[chars..];
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) Clear();
        base.Dispose(disposing);
    }
}
