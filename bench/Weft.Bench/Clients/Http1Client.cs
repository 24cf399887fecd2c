using System.Buffers.Text;
using Weft.Proxy.Workers;

namespace Weft.Bench.Clients;

/// <summary>GET / over HTTP/1.1. The benchmark's applications answer 200 with a content-length; anything else counts as broken.</summary>
internal sealed class Http1Client(Worker worker, Target target, Herd herd) : ClientConnection(worker, target, herd)
{
    private static ReadOnlySpan<byte> Get => "GET / HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"u8;

    protected override ReadOnlySpan<byte> Request() => Get;

    protected override int Parse(ReadOnlySpan<byte> bytes, out bool answered)
    {
        answered = false;
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0) return 0;
        var head = bytes[..(end + 2)];
        if (!head.StartsWith("HTTP/1.1 200"u8) || ContentLength(head) is not { } length)
        {
            Break($"unexpected answer: {System.Text.Encoding.Latin1.GetString(head)}");
            return bytes.Length;
        }
        var whole = end + 4 + length;
        if (bytes.Length < whole) return 0;
        answered = true;
        return whole;
    }

    private static int? ContentLength(ReadOnlySpan<byte> head)
    {
        foreach (var range in head.Split("\r\n"u8))
        {
            var line = head[range];
            if (line.Length > 16 && System.Text.Ascii.EqualsIgnoreCase(line[..15], "content-length:"u8) && Utf8Parser.TryParse(line[15..].Trim((byte)' '), out int length, out _)) return length;
        }
        return null;
    }
}
