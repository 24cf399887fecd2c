using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Many connections that hold on to what they have: each sends its opening, then a little now and then, and reads nothing.</summary>
/// <param name="opening">Of each connection.</param>
/// <param name="drip">Sent every 200 ms; the argument is how often it was. Empty: silence.</param>
internal sealed class SlowAttack(string name, string sends, byte[] opening, Func<int, byte[]> drip) : Attack
{
    /// <summary>Default 50.</summary>
    public int Connections { get; init; } = 50;

    public override bool IsPatient => true;

    public bool ToTls { get; init; }

    public override string Name => name;

    public override string Sends => sends;

    public override async Task<AttackEnd> RunAsync(AttackTarget target)
    {
        var sockets = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => ConnectAsync(ToTls ? target.TlsAddress : target.Address)));
        try
        {
            var held = new HeldConnections((ToTls ? target.TlsAddress : target.Address).Port, sockets);
            foreach (var socket in sockets) Send(socket, opening);
            var clock = Stopwatch.StartNew();
            for (var round = 0; clock.Elapsed < TimeSpan.FromSeconds(12) && held.Any; round++)
            {
                await Task.Delay(200);
                held.Look();
                if (drip(round) is { Length: > 0 } bytes) held.Each(socket => Send(socket, bytes));
            }
            var open = held.Count;
            return new AttackEnd(open == 0, $"{Connections} connections", open == 0 ? "closes all" : $"closes {Connections - open}");
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
    }

    public static byte[] Silence(int _) => [];

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = 4096, Blocking = true };
        await socket.ConnectAsync(address);
        return socket;
    }

    private static void Send(Socket socket, byte[] bytes)
    {
        try
        {
            socket.Send(bytes);
        }
        catch (SocketException)
        {
            // closed; its state tells
        }
    }
}
