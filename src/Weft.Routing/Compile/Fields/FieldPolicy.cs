using System.Buffers;
using System.Text;
using Weft.Routing.Compile.Wire;

namespace Weft.Routing.Compile.Fields;

/// <summary>
/// Holds a resource's bytes against the lists: every refused field that is set is named, every unknown field number is counted.
/// </summary>
/// <remarks>It reads the wire and not the generated message: presence is then exact for every kind of field, unknown numbers are visible, and the descriptors,
/// whose object graph for xDS takes megabytes, are never built.</remarks>
public static class FieldPolicy
{
    private const string TypeUrlPrefix = "type.googleapis.com/";

    /// <summary>Deeper nesting is refused by the protobuf parser as well.</summary>
    private const int MaxDepth = 100;

    private static readonly Dictionary<string, MessageFields> ByName =
        ListenerFields.All.Concat(HttpFields.All).Concat(TcpFields.All).Concat(TlsFields.All).Concat(RouteFields.All).Concat(ClusterFields.All)
            .Concat(EndpointFields.All).Concat(BootstrapFields.All).Concat(DnsFields.All).Concat(NetworkFilterFields.All).ToDictionary(m => m.FullName);

    private static readonly Dictionary<string, MessageFields>.AlternateLookup<ReadOnlySpan<char>> ByNameSpan = ByName.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The lists of every message that is understood.</summary>
    public static IReadOnlyCollection<MessageFields> Messages => ByName.Values;

    /// <summary>The lists of one message by its full name; null for a message that is not understood.</summary>
    public static MessageFields? Find(string fullName) => ByName.GetValueOrDefault(fullName);

    /// <summary>Walks <paramref name="message"/>, a message of type <paramref name="fullName"/>, and all that it holds.</summary>
    internal static void Check(string fullName, ReadOnlySpan<byte> message, Compilation into)
    {
        var levels = ArrayPool<Level>.Shared.Rent(MaxDepth);
        new Walk(message, into, levels).Message(ByName[fullName], message, 0);
        ArrayPool<Level>.Shared.Return(levels);
    }

    private static MessageFields? Find(ReadOnlySpan<byte> typeUrl)
    {
        if (!typeUrl.StartsWith("type.googleapis.com/"u8) || typeUrl.Length > 256) return null;
        Span<char> name = stackalloc char[256];
        return ByNameSpan.TryGetValue(name[..Encoding.UTF8.GetChars(typeUrl[TypeUrlPrefix.Length..], name)], out var fields) ? fields : null;
    }

    /// <summary>Where the walk is: a message (as a range of the root's bytes) and the field of it that is looked into.</summary>
    private readonly record struct Level(int MessageStart, int MessageLength, int FieldStart, FieldRule Rule);

    private readonly ref struct Walk(ReadOnlySpan<byte> root, Compilation into, Level[] levels)
    {
        private readonly ReadOnlySpan<byte> _root = root;

        public void Message(MessageFields fields, ReadOnlySpan<byte> message, int depth)
        {
            if (depth == MaxDepth) return;
            var start = Offset(message);
            var reader = new WireReader(message);
            while (reader.Next())
            {
                var rule = fields.Find(reader.Field);
                if (rule is null)
                {
                    into.UnknownFields++;
                    continue;
                }
                if (rule.List == FieldList.Harmless) continue;
                levels[depth] = new Level(start, message.Length, reader.FieldStart, rule);
                if (rule.List == FieldList.Refused) into.Refuse(PathTo(depth), "is not supported by this version");
                else if (reader.HasBytes && rule.Kind is FieldKind.Message or FieldKind.Any) Descend(rule, reader.Bytes, depth + 1);
            }
            if (reader.Malformed) into.Refuse("", $"the bytes are not a valid {fields.FullName}");
        }

        private void Descend(FieldRule rule, ReadOnlySpan<byte> content, int depth)
        {
            if (rule.Kind == FieldKind.Message)
            {
                Message(ByName[rule.Child], content, depth);
                return;
            }
            ReadOnlySpan<byte> typeUrl = default, value = default;
            var any = new WireReader(content);
            while (any.Next())
            {
                if (any.Field == 1) typeUrl = any.Bytes;
                else if (any.Field == 2) value = any.Bytes;
            }
            // A type without lists is refused, or skipped where the resource calls it optional, by the compiler that finds it.
            if (Find(typeUrl) is { } fields) Message(fields, value, depth);
        }

        /// <summary>Names are put together only for a refusal; positions in repeated fields are counted again then.</summary>
        private string PathTo(int depth)
        {
            var path = new StringBuilder();
            for (var i = 0; i <= depth; i++)
            {
                var level = levels[i];
                if (i > 0) path.Append('.');
                path.Append(level.Rule.Name);
                if (!level.Rule.Repeated) continue;
                var before = 0;
                var reader = new WireReader(_root.Slice(level.MessageStart, level.MessageLength));
                while (reader.Next() && reader.FieldStart < level.FieldStart)
                {
                    if (reader.Field == level.Rule.Number) before++;
                }
                path.Append('[').Append(before).Append(']');
            }
            return path.ToString();
        }

        private int Offset(ReadOnlySpan<byte> part)
        {
            if (part.IsEmpty) return 0;
            _ = _root.Overlaps(part, out var offset);
            return offset;
        }
    }
}
