using System.Buffers;
using System.Buffers.Text;
using System.Text;
using Weft.Routing.Requests;

namespace Weft.Routing.Matching;

/// <summary>One condition on a header field or pseudo header (envoy.config.route.v3.HeaderMatcher). Immutable.</summary>
/// <remarks>A field that occurs several times is compared as its values joined by commas, as Envoy does. A missing field fails every
/// comparison, inverted or not, unless <see cref="MissingIsEmpty"/>.</remarks>
public sealed class HeaderMatcher
{
    private readonly byte[] _name;
    private readonly PseudoHeader _pseudo;

    internal HeaderMatcher(string name)
    {
        Name = name;
        _name = Encoding.Latin1.GetBytes(name);
        _pseudo = name switch
        {
            ":method" => PseudoHeader.Method,
            ":path" => PseudoHeader.Path,
            ":scheme" => PseudoHeader.Scheme,
            ":authority" or "host" => PseudoHeader.Authority,
            _ => PseudoHeader.None,
        };
    }

    /// <summary>Lower case; <c>:method</c>, <c>:path</c> (with query), <c>:scheme</c> and <c>:authority</c> are the request line's.</summary>
    public string Name { get; }

    /// <summary>Set for comparisons of the value.</summary>
    public StringMatcher? Value { get; internal init; }

    /// <summary>Set when the value must be a whole decimal number from Start (included) to End (excluded).</summary>
    public (long Start, long End)? Range { get; internal init; }

    /// <summary>With neither <see cref="Value"/> nor <see cref="Range"/>: true when the field must be there, false when it must not.</summary>
    public bool Present { get; internal init; } = true;

    /// <summary>The comparison's result is turned round.</summary>
    public bool Invert { get; internal init; }

    /// <summary>A missing field is compared as an empty value.</summary>
    public bool MissingIsEmpty { get; internal init; }

    private enum PseudoHeader : byte
    {
        None,
        Method,
        Path,
        Scheme,
        Authority,
    }

    public bool Matches(in RequestHead head)
    {
        switch (_pseudo)
        {
            case PseudoHeader.Method: return Test(found: true, head.Method);
            case PseudoHeader.Path: return Test(found: true, head.Path);
            case PseudoHeader.Scheme: return Test(found: true, head.Scheme);
            case PseudoHeader.Authority: return Test(found: !head.Authority.IsEmpty, head.Authority);
        }

        var first = -1;
        for (var i = 0; i < head.Fields.Length; i++)
        {
            if (!Named(head, i)) continue;
            if (first >= 0) return TestJoined(head, first);
            first = i;
        }
        return first < 0 ? Test(found: false, default) : Test(found: true, head.Value(head.Fields[first]));
    }

    private bool Test(bool found, ReadOnlySpan<byte> value)
    {
        if (Value is null && Range is null) return (found || MissingIsEmpty) == Present != Invert;
        if (!found && !MissingIsEmpty) return false;
        return (Value is not null ? Value.Matches(value) : InRange(value)) != Invert;
    }

    private bool InRange(ReadOnlySpan<byte> value) =>
        Utf8Parser.TryParse(value, out long number, out var used) && used == value.Length && number >= Range!.Value.Start && number < Range.Value.End;

    private bool Named(in RequestHead head, int index)
    {
        ref readonly var field = ref head.Fields[index];
        return field.NameLength == _name.Length && Ascii.EqualsIgnoreCase(head.Name(field), _name);
    }

    /// <summary>Several fields of the name: rare, so the joined value may be built.</summary>
    private bool TestJoined(in RequestHead head, int first)
    {
        var length = 0;
        for (var i = first; i < head.Fields.Length; i++)
        {
            if (Named(head, i)) length += head.Fields[i].ValueLength + 1;
        }
        var rented = ArrayPool<byte>.Shared.Rent(length);
        var at = 0;
        for (var i = first; i < head.Fields.Length; i++)
        {
            if (!Named(head, i)) continue;
            if (at > 0) rented[at++] = (byte)',';
            var value = head.Value(head.Fields[i]);
            value.CopyTo(rented.AsSpan(at));
            at += value.Length;
        }
        var result = Test(found: true, rented.AsSpan(0, at));
        ArrayPool<byte>.Shared.Return(rented);
        return result;
    }
}
