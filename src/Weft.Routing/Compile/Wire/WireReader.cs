using System.Buffers.Binary;

namespace Weft.Routing.Compile.Wire;

/// <summary>Walks one protobuf message's bytes field by field without building objects (protobuf.dev/programming-guides/encoding).</summary>
/// <remarks>After <see cref="Next"/> answers false, <see cref="Malformed"/> tells the end of the message from broken bytes.</remarks>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _at;

    /// <summary>Number of the field that <see cref="Next"/> found.</summary>
    public int Field { get; private set; }

    /// <summary>Where that field's tag begins.</summary>
    public int FieldStart { get; private set; }

    /// <summary>Value of a varint or fixed-width field.</summary>
    public ulong Number { get; private set; }

    /// <summary>True when the field is length-delimited; then <see cref="Bytes"/> is its content.</summary>
    public bool HasBytes { get; private set; }

    public ReadOnlySpan<byte> Bytes { get; private set; }

    public bool Malformed { get; private set; }

    public bool Next()
    {
        if (_at >= _message.Length || Malformed) return false;
        FieldStart = _at;
        HasBytes = false;
        Bytes = default;
        if (!TryVarint(out var tag) || tag >> 3 is 0 or > 536_870_911) return Fail();
        Field = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0:
                if (!TryVarint(out var number)) return Fail();
                Number = number;
                return true;
            case 1:
                if (_message.Length - _at < 8) return Fail();
                Number = BinaryPrimitives.ReadUInt64LittleEndian(_message[_at..]);
                _at += 8;
                return true;
            case 2:
                if (!TryVarint(out var length) || length > (ulong)(_message.Length - _at)) return Fail();
                HasBytes = true;
                Bytes = _message.Slice(_at, (int)length);
                _at += (int)length;
                return true;
            case 5:
                if (_message.Length - _at < 4) return Fail();
                Number = BinaryPrimitives.ReadUInt32LittleEndian(_message[_at..]);
                _at += 4;
                return true;
            default:
                return Fail(); // groups: no xDS message has them
        }
    }

    private bool TryVarint(out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (_at >= _message.Length) return false;
            var b = _message[_at++];
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80) return true;
        }
        return false;
    }

    private bool Fail()
    {
        Malformed = true;
        return false;
    }
}
