using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>The 61 fields that every peer knows (RFC 7541 appendix A). Indexes are 1 to 61, as on the wire.</summary>
internal static class StaticTable
{
    public const int Count = 61;

    /// <summary>Larger than twice the number of names, so that <see cref="FindName"/> mostly looks once.</summary>
    private const int Slots = 256;

    private static readonly (string Name, string Value)[] _fields =
    [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
        (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
        (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""),
        ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""),
        ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""),
        ("via", ""), ("www-authenticate", ""),
    ];

    private static readonly Entry[] _entries = [.. _fields.Select(MakeEntry)];

    private static readonly byte[] _byName = MakeIndex();

    /// <summary>Name and value side by side.</summary>
    /// <param name="index">1 to 61.</param>
    /// <param name="nameLength">Where the value begins.</param>
    /// <param name="known">The name's identity.</param>
    public static ReadOnlySpan<byte> Pair(int index, out int nameLength, out KnownHeader known)
    {
        ref readonly var entry = ref _entries[index - 1];
        nameLength = entry.NameLength;
        known = entry.Known;
        return entry.Pair;
    }

    public static ReadOnlySpan<byte> Name(int index) => _entries[index - 1].Pair.AsSpan(0, _entries[index - 1].NameLength);

    /// <summary>First index of a name, compared without case, or 0.</summary>
    /// <param name="hash"><see cref="FieldHash.OfName"/> of the name.</param>
    /// <param name="name">In any case.</param>
    public static int FindName(uint hash, ReadOnlySpan<byte> name)
    {
        for (var slot = hash % Slots; _byName[slot] != 0; slot = (slot + 1) % Slots)
        {
            if (Ascii.EqualsIgnoreCase(Name(_byName[slot]), name)) return _byName[slot];
        }
        return 0;
    }

    /// <summary>Index of the field with the name of <paramref name="nameIndex"/> and this value, or 0.</summary>
    /// <param name="nameIndex">What <see cref="FindName"/> found.</param>
    /// <param name="value">Not empty: an entry without a value stands for its name.</param>
    public static int FindValue(int nameIndex, ReadOnlySpan<byte> value)
    {
        var nameLength = _entries[nameIndex - 1].NameLength;
        for (var index = nameIndex; index <= Count; index++)
        {
            ref readonly var entry = ref _entries[index - 1];
            if (entry.NameLength != nameLength || entry.Group != nameIndex) return 0;
            if (value.SequenceEqual(entry.Pair.AsSpan(nameLength))) return index;
        }
        return 0;
    }

    private static Entry MakeEntry((string Name, string Value) field)
    {
        var pair = Encoding.ASCII.GetBytes(field.Name + field.Value);
        var first = Array.FindIndex(_fields, other => other.Name == field.Name) + 1;
        return new Entry(pair, field.Name.Length, first, FieldBlock.Recognize(pair.AsSpan(0, field.Name.Length)));
    }

    private static byte[] MakeIndex()
    {
        var index = new byte[Slots];
        for (var i = 1; i <= Count; i++)
        {
            if (_entries[i - 1].Group != i) continue;
            var slot = FieldHash.OfName(Name(i)) % Slots;
            while (index[slot] != 0) slot = (slot + 1) % Slots;
            index[slot] = (byte)i;
        }
        return index;
    }

    /// <param name="Pair">Name and value.</param>
    /// <param name="NameLength">Length of the name in bytes.</param>
    /// <param name="Group">First index with the same name.</param>
    /// <param name="Known">The name's identity.</param>
    private readonly record struct Entry(byte[] Pair, int NameLength, int Group, KnownHeader Known);
}
