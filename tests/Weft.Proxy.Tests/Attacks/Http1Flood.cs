using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Octets without end on one HTTP/1.1 connection, as fast as they go.</summary>
/// <param name="what">What a round is, in the plural.</param>
internal sealed class Http1Flood(string name, string sends, string what, string opening, Func<int, string> unit) : Attack
{
    /// <summary>The attacker reads what comes. Default true.</summary>
    public bool Reads { get; init; } = true;

    public override string Name => name;

    public override string Sends => sends;

    public override async Task<AttackEnd> RunAsync(AttackTarget target)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendBufferSize = 16384 };
        if (!Reads) socket.ReceiveBufferSize = 4096;
        await socket.ConnectAsync(target.Address);
        var answer = Reads ? ReadAsync(socket) : Task.FromResult("");
        var (rounds, closed) = (0, false);
        await socket.SendAsync(Encoding.Latin1.GetBytes(opening));
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            for (; !(Reads && answer.IsCompleted); rounds += 20)
            {
                var first = rounds;
                for (ReadOnlyMemory<byte> bytes = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Range(first, 20).Select(unit))); !bytes.IsEmpty;) bytes = bytes[(await socket.SendAsync(bytes, limit.Token))..];
            }
            closed = true;
        }
        catch (SocketException)
        {
            closed = true;
        }
        catch (OperationCanceledException)
        {
            // still open
        }
        var said = closed && Reads ? (await answer).Split("\r\n")[0] : "";
        return new AttackEnd(closed, $"{Number(rounds)} {what}", said.Length > 0 ? $"{said[9..]}, closes" : closed ? "closes" : "takes it");
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var (text, block) = (new StringBuilder(), new byte[4096]);
        try
        {
            while (await socket.ReceiveAsync(block) is > 0 and var read) text.Append(Encoding.Latin1.GetString(block, 0, read));
        }
        catch (SocketException)
        {
            // reset: what came before it counts
        }
        return text.ToString();
    }
}
