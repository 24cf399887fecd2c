namespace Weft.Proxy.Names.Dns;

/// <summary>
/// Names in their wire form: labels of 1 to 63 bytes, each behind its length, then an empty label (RFC 1035 section 3.1). Compression (section 4.1.4) is undone while
/// reading, so a name in hand stands for itself.
/// </summary>
internal static class DnsName
{
    /// <summary>Bytes of the longest name, its last zero included (RFC 1035 section 2.3.4).</summary>
    public const int MaxLength = 255;

    private const byte KindMask = 0xC0, Pointer = 0xC0;

    /// <summary>Reads the name at <paramref name="at"/> and moves behind it.</summary>
    /// <param name="message">The whole message: pointers count from its beginning.</param>
    /// <param name="into">At least <see cref="MaxLength"/> bytes: the name without compression, in the case in which it was written.</param>
    /// <returns>False for what is no name: cut off, too long, a label of an unknown kind, a pointer that does not lead towards the beginning.</returns>
    /// <remarks>Each pointer must lead before everything that this name was read from so far. A limit on the number of jumps is the tempting wrong move: it lets a message of 64 KB
    /// be read a hundred times over for every name in it.</remarks>
    public static bool TryRead(ReadOnlySpan<byte> message, ref int at, Span<byte> into, out int length)
    {
        length = 0;
        var (position, lowest, behind) = (at, at, -1);
        while (position < message.Length)
        {
            var octet = message[position];
            if ((octet & KindMask) == Pointer)
            {
                if (position + 1 >= message.Length) return false;
                var target = ((octet & ~KindMask) << 8) | message[position + 1];
                if (target >= lowest || target < DnsHeader.Length) return false;
                if (behind < 0) behind = position + 2;
                position = lowest = target;
                continue;
            }
            if ((octet & KindMask) != 0) return false; // 0x40 and 0x80: given up (RFC 6891 section 5)
            var label = octet + 1;
            if (length + label > MaxLength || position + label > message.Length) return false;
            message.Slice(position, label).CopyTo(into[length..]);
            length += label;
            position += label;
            if (octet != 0) continue;
            at = behind < 0 ? position : behind;
            return true;
        }
        return false;
    }

    /// <summary>Names are compared without regard to the case of ASCII letters (RFC 4343). Lengths are below 64 and so are no letters: the whole may be folded.</summary>
    public static void Lower(Span<byte> name)
    {
        foreach (ref var b in name)
        {
            if (b is >= (byte)'A' and <= (byte)'Z') b |= 0x20;
        }
    }

    /// <summary>True when both are the same name; <paramref name="lower"/> has been folded.</summary>
    public static bool Matches(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower)
    {
        if (name.Length != lower.Length) return false;
        for (var i = 0; i < name.Length; i++)
        {
            var b = name[i];
            if ((b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b) != lower[i]) return false;
        }
        return true;
    }

    /// <summary>Writes a host's name as people do, <c>catalog.default</c>, without a dot at its end.</summary>
    /// <param name="name">Wire form.</param>
    /// <param name="into">At least <see cref="MaxLength"/> bytes.</param>
    /// <returns>False for the root and for names that hosts do not have: with anything but letters, digits, '-' and '_'.</returns>
    public static bool TryWriteText(ReadOnlySpan<byte> name, Span<byte> into, out int length)
    {
        length = 0;
        for (var at = 0; name[at] != 0; at += name[at] + 1)
        {
            if (at > 0) into[length++] = (byte)'.';
            foreach (var b in name.Slice(at + 1, name[at]))
            {
                if (!char.IsAsciiLetterOrDigit((char)b) && b is not ((byte)'-' or (byte)'_')) return false;
                into[length++] = b;
            }
        }
        return length > 0;
    }

    /// <summary>Writes the wire form of a host's name; false when it has an empty label, one of more than 63 bytes, or is too long.</summary>
    /// <param name="text">As <see cref="TryWriteText"/> writes it; a dot at its end is allowed.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, Span<byte> into, out int length)
    {
        length = 0;
        if (text.EndsWith("."u8)) text = text[..^1];
        while (!text.IsEmpty)
        {
            var dot = text.IndexOf((byte)'.');
            var label = dot < 0 ? text : text[..dot];
            if (label.Length is 0 or > 63 || length + label.Length + 2 > MaxLength) return false;
            into[length++] = (byte)label.Length;
            label.CopyTo(into[length..]);
            length += label.Length;
            if (dot == text.Length - 1) return false;
            text = dot < 0 ? [] : text[(dot + 1)..];
        }
        if (length == 0) return false;
        into[length++] = 0;
        return true;
    }
}
