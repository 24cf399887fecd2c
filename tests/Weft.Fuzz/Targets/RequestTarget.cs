using Weft.Proxy.Http1;

namespace Weft.Fuzz.Targets;

/// <summary>
/// Request streams: the same however they are cut; the first head accepted exactly when an independent reading accepts it, with the same framing;
/// what is forwarded is read back with the same meaning.
/// </summary>
public sealed class RequestTarget : IFuzzTarget
{
    public string Name => "http1-request";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(),
        "POST /a/../b?c HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\nX-A: b \r\n\r\nabcGET /2 HTTP/1.0\r\n\r\n"u8.ToArray(),
        "POST http://h:1/x HTTP/1.1\r\nHost: a\r\nConnection: x-a, close\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n3;e=\"f\"\r\nabc\r\n0\r\nT: 1\r\n\r\n"u8.ToArray(),
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nExpect: 100-continue\r\nTE: trailers\r\n\r\n"u8.ToArray(),
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: x\r\n\r\n"u8.ToArray(),
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"u8.ToArray(),
        "\r\nGET /%2e%2e/x%00 HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray(),
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "\r\n", "\r\n\r\n", "\n", "\r", " ", "\t", ": ", "Host: b\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Connection: close\r\n", "Connection: content-length\r\n", "chunked", "identity", ",", "0\r\n\r\n", "5\r\nhello\r\n",
        "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "GET ", "HEAD ", "http://", "https://u@b/", "[::1]", "%2f", "%00", "..", "//", "#", "\0", "\u00ff",
        "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");

    public string Check(byte[] input, Random random)
    {
        var whole = MessageStream.Requests(input);
        var cuts = Cuts.Choose(input.Length, random);
        var pieces = MessageStream.Requests(input, cuts);
        if (whole.ToString() != pieces.ToString()) throw new FuzzException($"cut at {string.Join(',', cuts)} it reads {pieces}, whole it reads {whole}");
        foreach (var (message, forwarded) in whole.Messages.Where(message => message.Complete).Zip(whole.Forwarded))
        {
            var again = MessageStream.Requests(forwarded);
            if (again.Messages.Count != 1 || again.Leftover != 0) throw new FuzzException($"forwarded it reads {again}");
            if (message.Authority.Length != 0 && again.Messages[0].Meaning != message.Meaning)
                throw new FuzzException($"{message.Meaning} became {again.Messages[0].Meaning}");
        }
        CompareFirstHead(input);
        return $"{Math.Min(whole.CompleteMessages, 2)} complete, {whole.Error.Rule ?? "not refused"}";
    }

    internal static byte[][] Words(params string[] words) => [.. words.Select(MessageStream.Bytes)];

    private static void CompareFirstHead(byte[] input)
    {
        var end = input.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end <= 0) return;
        var head = new Http1Head();
        var status = Http1Parser.ParseRequest(input, Http1Limits.Default, head, out var error);
        if (error.Limit != 0) return;
        var text = MessageStream.Latin(input.AsSpan(0, end + 4));
        if (text == "\r\n\r\n") return;
        var codec = status != ParseStatus.Done ? null : head.Body switch
        {
            BodyKind.Chunked => "chunked",
            BodyKind.Length => $"length {head.ContentLength}",
            _ => "none",
        };
        var naive = NaiveHttp1.Framing(text);
        if (codec != naive) throw new FuzzException($"the codec says {codec ?? "refused: " + error}, the naive reading {naive ?? "refused"}");
    }
}
