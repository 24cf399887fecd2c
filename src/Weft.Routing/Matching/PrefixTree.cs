namespace Weft.Routing.Matching;

/// <summary>A radix tree over byte strings: the value of the longest entry that a key starts with, in one walk along the key.</summary>
internal sealed class PrefixTree(int[] root)
{
    private readonly Node _root = new([]) { Value = root };

    /// <summary>The value of the longest entry that <paramref name="key"/> starts with; the root's when there is none.</summary>
    public int[] Find(ReadOnlySpan<byte> key)
    {
        var node = _root;
        var found = node.Value!;
        while (!key.IsEmpty && node.Child(key[0]) is { } child && key.StartsWith(child.Label))
        {
            key = key[child.Label.Length..];
            node = child;
            found = node.Value ?? found;
        }
        return found;
    }

    public void Add(ReadOnlySpan<byte> key, int[] value)
    {
        var node = _root;
        while (!key.IsEmpty)
        {
            var at = node.IndexOf(key[0]);
            if (at < 0)
            {
                node.Insert(~at, new Node(key.ToArray()) { Value = value });
                return;
            }
            var child = node.Children[at];
            var common = key.CommonPrefixLength(child.Label);
            if (common < child.Label.Length)
            {
                var upper = new Node(child.Label[..common]);
                upper.Insert(0, new Node(child.Label[common..]) { Value = child.Value, Children = child.Children, Firsts = child.Firsts });
                node.Children[at] = upper;
                child = upper;
            }
            key = key[common..];
            node = child;
        }
        node.Value = value;
    }

    private sealed class Node(byte[] label)
    {
        public byte[] Label { get; } = label;

        /// <summary>Null where no entry ends.</summary>
        public int[]? Value { get; set; }

        public Node[] Children { get; set; } = [];

        /// <summary>First byte of each child's label, ascending.</summary>
        public byte[] Firsts { get; set; } = [];

        public int IndexOf(byte first) => Firsts.AsSpan().BinarySearch(first);

        public Node? Child(byte first)
        {
            var at = Firsts.AsSpan().IndexOf(first);
            return at < 0 ? null : Children[at];
        }

        public void Insert(int at, Node child)
        {
            Children = [.. Children[..at], child, .. Children[at..]];
            Firsts = [.. Firsts[..at], child.Label[0], .. Firsts[at..]];
        }
    }
}
