using Weft.Proxy.Http1;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Pipelines;
using Weft.Routing.Headers;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2;

/// <summary>Encodes one head or trailer section straight into the connection's output. From the first field on, the block must be sent: the encoder's table has changed.</summary>
/// <remarks>Names and values are checked here although parsers checked them too: they also come from configuration, and an HTTP/1 hop behind the next one must not
/// find a line end in one.</remarks>
internal ref struct FieldBlockWriter : IFieldWriter
{
    private const int FirstRoom = 1024;

    /// <summary>Kept free behind every field, so that <see cref="Spoil"/> always finds room.</summary>
    private const int SpareRoom = 64;

    private readonly OutputChain _output;
    private readonly HpackEncoder _encoder;
    private Span<byte> _room;

    internal FieldBlockWriter(OutputChain output, HpackEncoder encoder)
    {
        _output = output;
        _encoder = encoder;
        _room = output.Reserve(FrameHeader.Size + FirstRoom);
        Length = FrameHeader.Size; // of the frame that the block goes into
    }

    /// <summary>Bytes written, with the room for a frame header before them.</summary>
    internal int Length { get; private set; }

    internal readonly Span<byte> Room => _room;

    /// <summary>A field could not be written: a value with a control character, a name that is no token or belongs to a connection, or a head of more than 1 MiB.</summary>
    public bool IsRefused { get; private set; }

    /// <summary><c>:method</c> and the like; before all fields.</summary>
    public void Pseudo(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        if (value.ContainsAny(Octets.Controls)) IsRefused = true;
        else Encode(name, value, IndexingPolicy.ByName);
    }

    /// <inheritdoc/>
    public static bool HasCase => false;

    /// <inheritdoc/>
    public void Field(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value) => Checked(name, value, IndexingPolicy.ByName);

    /// <inheritdoc/>
    /// <remarks>HTTP/2 has no case to keep.</remarks>
    public void Field(scoped ReadOnlySpan<byte> buffer, in HeaderField field, bool keepCase) => Checked(
        buffer.Slice(field.NameStart, field.NameLength), buffer.Slice(field.ValueStart, field.ValueLength), field.NeverIndexed ? IndexingPolicy.Never : IndexingPolicy.ByName);

    /// <inheritdoc/>
    public void Added(HeaderEdit edit, bool present)
    {
        foreach (var value in edit.Values(present)) Checked(edit.Name, Octets.TrimSpace(value), IndexingPolicy.ByName);
    }

    /// <param name="length">0 or more.</param>
    public void ContentLength(long length)
    {
        Span<byte> digits = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(length, digits, out var count);
        Encode("content-length"u8, digits[..count], IndexingPolicy.ByName);
    }

    /// <summary>Makes the block one that every peer must refuse as malformed (a pseudo field behind fields that nobody knows), for a head that broke off: the tables
    /// of both sides stay in step, and half a head is never taken for one.</summary>
    internal void Spoil() => Length += _encoder.Encode(":refused"u8, default, IndexingPolicy.Never, _room[Length..]);

    private void Checked(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value, IndexingPolicy policy)
    {
        if (!Octets.IsToken(name) || value.ContainsAny(Octets.Controls)) IsRefused = true;
        else Encode(name, value, policy);
    }

    private void Encode(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value, IndexingPolicy policy)
    {
        if (IsRefused) return;
        var most = HpackEncoder.MaxEncodedLength(name.Length, value.Length) + SpareRoom;
        if (_room.Length - Length < most)
        {
            var larger = _output.Enlarge(Length, Math.Max(_room.Length * 2, Length + most));
            if (larger.IsEmpty)
            {
                IsRefused = true;
                return;
            }
            _room = larger;
        }
        Length += _encoder.Encode(name, value, policy, _room[Length..]);
    }
}
