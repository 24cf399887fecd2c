using Weft.Routing.Headers;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>How a route's edits meet a head's fields, the same for requests and responses.</summary>
internal static class Fields
{
    /// <summary>Whether the route takes a field away; remembers in <paramref name="seen"/> that its name was there (for up to 64 edited names).</summary>
    public static bool Drops(HeaderMutations edits, ReadOnlySpan<byte> name, ref ulong seen)
    {
        if (edits.IsEmpty) return false;
        var index = edits.IndexOf(name);
        if (index < 0) return false;
        if (index < 64) seen |= 1UL << index;
        return edits.Edits[index].DropsOriginal;
    }

    /// <summary>What the route adds, given the names that <see cref="Drops"/> has seen.</summary>
    public static void WriteAdded<TWriter>(ref TWriter writer, HeaderMutations edits, ulong seen)
        where TWriter : struct, IFieldWriter, allows ref struct
    {
        for (var i = 0; i < edits.Edits.Length; i++) writer.Added(edits.Edits[i], i < 64 && (seen & (1UL << i)) != 0);
    }

    /// <summary>An upper bound of the bytes of <paramref name="fields"/> and of what <paramref name="edits"/> add, as HTTP/1 writes them.</summary>
    public static int SizeOf(ReadOnlySpan<HeaderField> fields, HeaderMutations edits)
    {
        var size = 0;
        foreach (ref readonly var field in fields) size += field.NameLength + field.ValueLength + 4;
        foreach (var edit in edits.Edits) size += Math.Max(edit.Lines(true).Length, edit.Lines(false).Length);
        return size;
    }
}
