using System.Numerics;
using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;
using Weft.Routing.Requests;

namespace Weft.Proxy.Mesh;

/// <summary>
/// Makes the value of <c>x-weft-form</c> (see <see cref="MessageForm"/>) while a head is written in a protocol that has no case: <see cref="Begin"/>,
/// <see cref="Add"/> for each field that is passed on, in order, then <see cref="Value"/>. One per worker, used again for each head.
/// </summary>
internal sealed class MessageFormBuilder
{
    /// <summary>Where the list begins: before it there is room for the version and the style, which are known last.</summary>
    private const int ListStart = 2;

    private readonly FieldList _sinceLastSpelling = new();
    private byte[] _bytes = new byte[128];
    private int _length;
    private HttpVersion? _version;
    private bool _styleKnown;
    private bool _title;

    /// <param name="version">The protocol in which the message is to leave the mesh: HTTP/1.1 or HTTP/2; null leaves it out.</param>
    public void Begin(HttpVersion? version)
    {
        _version = version;
        _styleKnown = _title = false;
        _length = ListStart;
        _sinceLastSpelling.Clear();
    }

    /// <summary>A field that is passed on, with its name as the application wrote it.</summary>
    public void Add(ReadOnlySpan<byte> buffer, in HeaderField field)
    {
        var name = buffer.Slice(field.NameStart, field.NameLength);
        if (IsUsual(name, field.Known))
        {
            _sinceLastSpelling.Add(field);
            return;
        }
        // The reader takes the first field of this name for the spelling: one of the same name that came before and is as usual is spelled, too.
        foreach (ref readonly var before in _sinceLastSpelling.Span)
        {
            var earlier = buffer.Slice(before.NameStart, before.NameLength);
            if (Ascii.EqualsIgnoreCase(earlier, name)) Spell(earlier);
        }
        _sinceLastSpelling.Clear();
        Spell(name);
    }

    /// <summary>The reason phrase of a response, where it is not the usual one of its status; may be empty. Behind all fields.</summary>
    public void AddReason(ReadOnlySpan<byte> reason)
    {
        if (!TryReserve(reason.Length + 3)) return;
        Append(";\""u8);
        Append(reason);
        Append("\""u8);
    }

    /// <summary>Empty when there is nothing to say. Valid until the next <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Value
    {
        get
        {
            var start = ListStart;
            if (_title) _bytes[--start] = (byte)'t';
            if (_version is { } version) _bytes[--start] = version == HttpVersion.Http2 ? (byte)'2' : (byte)'1';
            return _bytes.AsSpan(start, _length - start);
        }
    }

    /// <summary>Whether the reader will guess this spelling. The first name that is written in one of the two usual ways decides which of them is guessed.</summary>
    private bool IsUsual(ReadOnlySpan<byte> name, KnownHeader known)
    {
        var lower = NameCase.IsLower(name);
        if (NameCase.IsUsuallyLower(known)) return lower;
        if (!_styleKnown)
        {
            var title = NameCase.IsTitle(name);
            _styleKnown = lower != title;
            _title = title && !lower;
            return lower || title;
        }
        return _title ? NameCase.IsTitle(name) : lower;
    }

    private void Spell(ReadOnlySpan<byte> name)
    {
        if (!TryReserve(name.Length + 1)) return;
        Append(","u8);
        Append(name);
    }

    private bool TryReserve(int count)
    {
        if (_length + count > MessageForm.MaxBytes) return false;
        if (_length + count > _bytes.Length) Array.Resize(ref _bytes, (int)BitOperations.RoundUpToPowerOf2((uint)(_length + count)));
        return true;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }
}
