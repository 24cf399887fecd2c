using System.Text;

namespace Weft.Routing.Headers;

/// <summary>One operation as configured, before <see cref="HeaderMutationsBuilder"/> works out what all of them come to.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Name">Lower case.</param>
/// <param name="Value">Unused for <see cref="HeaderOperationKind.Remove"/>.</param>
public readonly record struct HeaderOperation(HeaderOperationKind Kind, string Name, string Value = "");

/// <summary>envoy HeaderValueOption.HeaderAppendAction, and removal.</summary>
public enum HeaderOperationKind : byte
{
    Append,
    AddIfAbsent,
    OverwriteOrAdd,
    OverwriteIfExists,
    Remove,
}

/// <summary>Plays operations through twice per name, once for a head that has it and once for one that has not.</summary>
internal static class HeaderMutationsBuilder
{
    /// <param name="operations">In the order in which they apply.</param>
    public static HeaderMutations Build(IReadOnlyCollection<HeaderOperation> operations)
    {
        if (operations.Count == 0) return HeaderMutations.None;
        return new HeaderMutations([.. operations.GroupBy(o => o.Name, StringComparer.Ordinal).Select(Edit)]);
    }

    private static HeaderEdit Edit(IGrouping<string, HeaderOperation> operations)
    {
        var (kept, present) = Play(operations, present: true);
        var (_, absent) = Play(operations, present: false);
        return new HeaderEdit(Encoding.Latin1.GetBytes(operations.Key), !kept, Bytes(present), Bytes(absent));
    }

    private static (bool Kept, List<string> Added) Play(IEnumerable<HeaderOperation> operations, bool present)
    {
        var kept = present;
        var added = new List<string>();
        foreach (var operation in operations)
        {
            var exists = kept || added.Count > 0;
            switch (operation.Kind)
            {
                case HeaderOperationKind.Append:
                    added.Add(operation.Value);
                    break;
                case HeaderOperationKind.AddIfAbsent when !exists:
                    added.Add(operation.Value);
                    break;
                case HeaderOperationKind.OverwriteOrAdd:
                case HeaderOperationKind.OverwriteIfExists when exists:
                    kept = false;
                    added = [operation.Value];
                    break;
                case HeaderOperationKind.Remove:
                    kept = false;
                    added.Clear();
                    break;
            }
        }
        return (kept, added);
    }

    private static byte[][] Bytes(List<string> values) => [.. values.Select(Encoding.UTF8.GetBytes)];
}
