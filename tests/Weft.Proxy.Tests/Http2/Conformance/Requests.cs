using Weft.Fuzz.Http2;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>Request heads for cases. What is sound asks for a path under /fine; the backend answers by it.</summary>
internal static class Requests
{
    public static List<(string Name, string Value)> Fields(string path, string method = "GET", string scheme = "http", string authority = "weft.test", params (string, string)[] more) =>
        [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority), .. more];

    /// <summary>Like <see cref="Fields"/> with one field left out.</summary>
    public static List<(string Name, string Value)> Without(string name, string path = "/evil") => [.. Fields(path).Where(f => f.Name != name)];

    /// <summary>A whole request in one frame.</summary>
    public static RawFrame Get(int stream, string path = "/fine", params (string, string)[] more) => RawFrame.Headers(stream, RawHpack.Block(Fields(path, more: more)));

    /// <summary>A head whose body follows.</summary>
    public static RawFrame Post(int stream, string path = "/fine", params (string, string)[] more) =>
        RawFrame.Headers(stream, RawHpack.Block(Fields(path, "POST", more: more)), end: false);

    /// <summary>A request of exactly these fields.</summary>
    public static RawFrame Of(int stream, IEnumerable<(string, string)> fields, bool end = true) => RawFrame.Headers(stream, RawHpack.Block(fields), end);

    public static RawFrame Trailers(int stream, params (string, string)[] fields) => RawFrame.Headers(stream, RawHpack.Block(fields));
}
