using Weft.Proxy.Http1;

namespace Weft.Fuzz.Targets;

/// <summary>Answers to one request: the same however they are cut, and what a client is sent is read back complete.</summary>
public sealed class ResponseTarget : IFuzzTarget
{
    public string Name => "http1-response";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray(),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n"u8.ToArray(),
        "HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nuntil the end"u8.ToArray(),
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"u8.ToArray(),
        "HTTP/1.1 304\r\nContent-Length: 5\r\n\r\n"u8.ToArray(),
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nxyz"u8.ToArray(),
    ];

    public IReadOnlyList<byte[]> Dictionary { get; } = RequestTarget.Words(
        "\r\n", "\r\n\r\n", "\n", "\r", " ", ": ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 C\r\n\r\n", "204", "304", "101", "Content-Length: 2\r\n", "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "0\r\n\r\n", "2\r\nok\r\n", "Set-Cookie: a\r\n", "\0", "\u00ff");

    public string Check(byte[] input, Random random)
    {
        var outcome = "";
        foreach (var kind in Enum.GetValues<RequestKind>())
        {
            var closes = random.Next(2) == 0;
            var whole = MessageStream.Responses(input, kind, closes);
            var cuts = Cuts.Choose(input.Length, random);
            var pieces = MessageStream.Responses(input, kind, closes, cuts);
            if (whole.ToString() != pieces.ToString()) throw new FuzzException($"cut at {string.Join(',', cuts)} it reads {pieces}, whole it reads {whole}");
            foreach (var (message, forwarded) in whole.Messages.Where(message => message.Complete).Zip(whole.Forwarded))
            {
                var again = MessageStream.Responses(forwarded, kind, closes: true);
                if (again.Messages.Count != 1 || again.Leftover != 0 || again.Messages[0].Meaning != message.Meaning)
                    throw new FuzzException($"{message.Meaning} became {again}");
            }
            outcome = $"{Math.Min(whole.CompleteMessages, 2)} complete, {whole.Error.Rule ?? "not refused"}";
        }
        return outcome;
    }
}
