using Weft.Proxy.Http1;

namespace Weft.Fuzz.Targets;

/// <summary>Chunked bodies: the same however they are cut, and decoded exactly as an independent reading does.</summary>
public sealed class ChunkedTarget : IFuzzTarget
{
    private static readonly byte[] _head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray();

    public string Name => "chunked";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        "0\r\n\r\n"u8.ToArray(),
        "5\r\nhello\r\n0\r\n\r\n"u8.ToArray(),
        "5;a=b;c=\"d\\\"e\" ; f\r\nhello\r\nA\r\n0123456789\r\n00;x\r\nT: 1\r\nHost: b\r\n\r\n"u8.ToArray(),
        "7fffffffffffffff\r\nx"u8.ToArray(),
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } = RequestTarget.Words(
        "\r\n", "\n", "\r", "0\r\n", "0\r\n\r\n", "1\r\nx\r\n", "f", "F", ";", ";a", ";a=b", "=\"", "\\\"", "\"", " ", "\t", "X: y\r\n", " : ", "Content-Length: 3\r\n", "ffffffffffffffff", "0000000000000000", "\0");

    public string Check(byte[] input, Random random)
    {
        byte[] message = [.. _head, .. input];
        var whole = MessageStream.Requests(message);
        var cuts = Cuts.Choose(message.Length, random);
        var pieces = MessageStream.Requests(message, cuts);
        if (whole.ToString() != pieces.ToString()) throw new FuzzException($"cut at {string.Join(',', cuts)} it reads {pieces}, whole it reads {whole}");
        var naive = NaiveHttp1.Dechunk(MessageStream.Latin(input));
        var codec = whole.CompleteMessages == 1 ? (whole.Messages[0].Body, input.Length - whole.Leftover) : ((string, int)?)null;
        if (codec != naive && whole.Error.Limit == 0) throw new FuzzException($"the codec reads {codec?.ToString() ?? whole.Error.ToString()}, the naive reading {naive}");
        return $"{whole.CompleteMessages} complete, {whole.Error.Rule ?? "not refused"}";
    }
}
