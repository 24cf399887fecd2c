using Weft.Routing.Requests;

namespace Weft.Routing.Matching;

/// <summary>
/// Finds the first of an ordered list of conditions that a request meets, without trying them all.
/// </summary>
/// <remarks>
/// Order decides, so an index must not change the winner. It therefore holds, for every exact path and for every prefix, the ordered list of all conditions
/// whose path part a request found there can meet: its own, those of every shorter prefix, and those that no index can sort (expressions,
/// comparisons without case). A list ends at the first condition that asks nothing beside the path, because nothing behind it can win.
/// Whole-segment prefixes are stored as the exact path and the prefix with a slash behind it: together they mean the same.
/// </remarks>
internal sealed class PathIndex
{
    private readonly RouteCondition[] _conditions;
    private readonly Dictionary<byte[], int[]>.AlternateLookup<ReadOnlySpan<byte>> _exact;
    private readonly PrefixTree _prefixes;

    public PathIndex(RouteCondition[] conditions)
    {
        _conditions = conditions;
        var exact = new Dictionary<byte[], List<int>>(ByteComparer.Instance);
        var prefixes = new Dictionary<byte[], List<int>>(ByteComparer.Instance);
        var unsorted = new List<int>();
        for (var i = 0; i < conditions.Length; i++)
        {
            var path = conditions[i].Path;
            if (!conditions[i].IsPathIndexed) unsorted.Add(i);
            else if (path.Kind == PathMatchKind.Exact) Add(exact, path.Value, i);
            else if (path.Kind == PathMatchKind.Prefix) Add(prefixes, path.Value, i);
            else
            {
                Add(exact, path.Value, i);
                Add(prefixes, [.. path.Value, (byte)'/'], i);
            }
        }

        _prefixes = new PrefixTree(Cut(unsorted));
        // Shorter prefixes first: each takes over what its longest shorter one has.
        foreach (var (prefix, own) in prefixes.OrderBy(p => p.Key.Length))
            _prefixes.Add(prefix, Cut([.. _prefixes.Find(prefix), .. own]));
        var merged = new Dictionary<byte[], int[]>(exact.Count, ByteComparer.Instance);
        foreach (var (path, own) in exact)
            merged[path] = Cut([.. _prefixes.Find(path), .. own]);
        _exact = merged.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>Index of the first condition that holds, or -1.</summary>
    public int Find(in RequestHead head)
    {
        var path = head.PathOnly;
        if (!_exact.TryGetValue(path, out var candidates)) candidates = _prefixes.Find(path);
        foreach (var index in candidates)
        {
            var condition = _conditions[index];
            if (!condition.IsPathIndexed && !condition.Path.Matches(path)) continue;
            if (condition.PathOnly || condition.MatchesBesidePath(head)) return index;
        }
        return -1;
    }

    private static void Add(Dictionary<byte[], List<int>> map, ReadOnlySpan<byte> key, int index)
    {
        var bytes = key.ToArray();
        if (!map.TryGetValue(bytes, out var list)) map[bytes] = list = [];
        list.Add(index);
    }

    private int[] Cut(List<int> candidates)
    {
        var sorted = candidates.Distinct().Order().ToArray();
        var last = Array.FindIndex(sorted, i => _conditions[i].PathOnly && _conditions[i].IsPathIndexed);
        return last < 0 ? sorted : sorted[..(last + 1)];
    }
}
