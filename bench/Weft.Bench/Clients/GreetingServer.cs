using System.Net;
using System.Net.Sockets;

namespace Weft.Bench.Clients;

/// <summary>An application that speaks first, as SMTP and MySQL do: it greets whoever connects and hangs up. One thread, so that nothing but the kernel stands before its greeting.</summary>
internal sealed class GreetingServer : IDisposable
{
    private static ReadOnlySpan<byte> Greeting => "220 bench.local ESMTP\r\n"u8;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _thread;

    public GreetingServer(int port)
    {
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen();
        _thread = new Thread(Greet) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>From the beginning of a connect until the whole greeting is there.</summary>
    /// <exception cref="InvalidOperationException">There came none.</exception>
    public static TimeSpan Await(int port)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        client.Connect(IPAddress.Loopback, port);
        Span<byte> into = stackalloc byte[64];
        for (var got = 0; got < Greeting.Length;)
        {
            var read = client.Receive(into[got..]);
            if (read == 0) throw new InvalidOperationException($"port {port} hung up after {got} bytes of the greeting");
            got += read;
        }
        return System.Diagnostics.Stopwatch.GetElapsedTime(since);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _thread.Join();
    }

    private void Greet()
    {
        try
        {
            while (true)
            {
                using var client = _listener.Accept();
                try
                {
                    client.Send(Greeting);
                    client.Shutdown(SocketShutdown.Send);
                }
                catch (SocketException)
                {
                    // it has gone
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // disposed
        }
    }
}
