using System.Text;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>
/// Finds entries of the encoder's dynamic table by name, or by name and value. Entries of one bucket form a chain from the youngest to the
/// oldest. Nothing is unlinked when an entry goes: entries go in the order they came, so a chain ends at the first one that is gone.
/// </summary>
internal sealed class EncoderIndex(DynamicTable table)
{
    private const int Buckets = 64;

    /// <summary>How far a chain is followed. Values chosen to share a bucket make the encoder miss, not slow.</summary>
    private const int MostSteps = 8;

    private uint[] _byName = [];
    private uint[] _byField = [];
    private Links[] _links = [];

    /// <summary>Number of the youngest entry with this name, or 0.</summary>
    public uint FindName(uint nameHash, ReadOnlySpan<byte> name)
    {
        if (_links.Length == 0) return 0;
        var number = _byName[nameHash % Buckets];
        for (var step = 0; step < MostSteps && table.Contains(number); step++)
        {
            ref readonly var links = ref LinksOf(number);
            if (links.NameHash == nameHash && Ascii.EqualsIgnoreCase(table.Pair(number, out var length, out _)[..length], name)) return number;
            number = links.OlderName;
        }
        return 0;
    }

    /// <summary>Number of the entry with this name and value, or 0.</summary>
    public uint FindField(uint fieldHash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (_links.Length == 0) return 0;
        var number = _byField[fieldHash % Buckets];
        for (var step = 0; step < MostSteps && table.Contains(number); step++)
        {
            ref readonly var links = ref LinksOf(number);
            if (links.FieldHash == fieldHash)
            {
                var pair = table.Pair(number, out var nameLength, out _);
                if (pair[nameLength..].SequenceEqual(value) && Ascii.EqualsIgnoreCase(pair[..nameLength], name)) return number;
            }
            number = links.OlderField;
        }
        return 0;
    }

    /// <summary>Links the youngest entry in.</summary>
    public void AddNewest(uint nameHash, uint fieldHash)
    {
        if (_links.Length != table.Capacity) Grow();
        ref var name = ref _byName[nameHash % Buckets];
        ref var field = ref _byField[fieldHash % Buckets];
        LinksOf(table.Newest) = new Links(nameHash, name, fieldHash, field);
        name = field = table.Newest;
    }

    private ref Links LinksOf(uint number) => ref _links[number & (uint)(_links.Length - 1)];

    private void Grow()
    {
        if (_links.Length == 0) (_byName, _byField) = (new uint[Buckets], new uint[Buckets]);
        var old = _links;
        _links = new Links[table.Capacity];
        for (var age = 1u; age < table.Count; age++)
        {
            var number = table.Newest - age;
            LinksOf(number) = old[number & (uint)(old.Length - 1)];
        }
    }

    private record struct Links(uint NameHash, uint OlderName, uint FieldHash, uint OlderField);
}
