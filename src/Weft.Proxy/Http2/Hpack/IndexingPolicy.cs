using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http2.Hpack;

/// <summary>Whether a field may enter the encoder's dynamic table.</summary>
internal enum IndexingPolicy : byte
{
    /// <summary>What <see cref="IndexingPolicies"/> says of its name.</summary>
    ByName,

    /// <summary>It may. It does when the same name and value are sent a second time: what comes only once would push out what comes always.</summary>
    Whole,

    /// <summary>Its value is another one each time. It enters only to teach the peer a name that neither table has.</summary>
    NameOnly,

    /// <summary>It never does, and no proxy further on may put it into a table either (RFC 7541 section 6.2.3). For secrets: who can add fields to
    /// the requests of another could guess an indexed value from the length of what is sent (section 7.1). A field that came so must be passed on so.</summary>
    Never,
}

/// <summary>The policy of a name.</summary>
internal static class IndexingPolicies
{
    /// <param name="staticIndex">First index of the name in the static table, or 0.</param>
    /// <param name="name">The name, in any case.</param>
    /// <param name="value">A path with a query is another one each time, one without is often the same.</param>
    public static IndexingPolicy Of(int staticIndex, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (staticIndex == 0) return OfOther(name);
        var policy = _static[staticIndex];
        return staticIndex == _path && value.Contains((byte)'?') ? IndexingPolicy.NameOnly : policy;
    }

    private static readonly string[] _secret = ["authorization", "cookie", "proxy-authorization", "set-cookie"];

    private static readonly string[] _changing =
    [
        "age", "content-length", "content-range", "date", "etag", "expires", "if-match", "if-modified-since", "if-none-match", "if-range",
        "if-unmodified-since", "last-modified", "location", "range",
    ];

    private static readonly IndexingPolicy[] _static = [.. Enumerable.Range(0, StaticTable.Count + 1).Select(OfStatic)];

    private static readonly int _path = StaticTable.FindName(FieldHash.OfName(":path"u8), ":path"u8);

    private static IndexingPolicy OfStatic(int index)
    {
        if (index == 0) return IndexingPolicy.Whole;
        var name = Encoding.ASCII.GetString(StaticTable.Name(index));
        if (_secret.Contains(name)) return IndexingPolicy.Never;
        return _changing.Contains(name) ? IndexingPolicy.NameOnly : IndexingPolicy.Whole;
    }

    private static IndexingPolicy OfOther(ReadOnlySpan<byte> name) => name.Length switch
    {
        9 when Is(name, "x-api-key"u8) => IndexingPolicy.Never,
        9 when Is(name, "x-weft-id"u8) => IndexingPolicy.NameOnly,
        10 when Is(name, "tracestate"u8) => IndexingPolicy.NameOnly,
        11 when Is(name, "traceparent"u8) || Is(name, "x-b3-spanid"u8) => IndexingPolicy.NameOnly,
        12 when Is(name, "x-request-id"u8) || Is(name, "grpc-timeout"u8) || Is(name, "grpc-message"u8) || Is(name, "x-b3-traceid"u8) => IndexingPolicy.NameOnly,
        15 when Is(name, "x-weft-deadline"u8) => IndexingPolicy.NameOnly,
        17 when Is(name, "x-b3-parentspanid"u8) => IndexingPolicy.NameOnly,
        _ => IndexingPolicy.Whole,
    };

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower) => Ascii.EqualsIgnoreCase(name, lower);
}
