using System.Net;
using System.Net.Sockets;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Admin;

/// <summary>
/// A small HTTP/1.1 server beside the data path: a thread that accepts and one for each client, all of low priority, so that neither a large
/// dump nor a client that does not read delays a request or another client.
/// </summary>
/// <remarks>Threads, not tasks: the thread pool's have the priority of workers, and the control connection needs them.</remarks>
internal sealed class AdminServer : IDisposable
{
    private const int SolSocket = 1, SoReusePort = 15;

    private readonly AdminSettings _settings;
    private readonly AdminRouter _router;
    private readonly TimeProvider _time;
    private readonly Action<Exception> _report;
    private readonly Socket _listening;
    private readonly Thread _accepting;
    private readonly Lock _lock = new(); // guards _open and _stopped
    private readonly HashSet<Socket> _open = [];
    private bool _stopped;

    /// <summary>Binds and starts to accept.</summary>
    /// <param name="report">Told of what endpoints throw; any thread.</param>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public AdminServer(AdminSettings settings, IReadOnlyList<AdminEndpoint> endpoints, TimeProvider time, Action<Exception> report)
    {
        (_settings, _time, _report) = (settings, time, report);
        _router = new AdminRouter(endpoints, IPAddress.IsLoopback(settings.Address.Address));
        _listening = new Socket(settings.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // As the data plane's listeners: whoever started this proxy may hold the port for it, across restarts, with a bound socket that does not listen.
            _listening.SetRawSocketOption(SolSocket, SoReusePort, BitConverter.GetBytes(1));
            _listening.Bind(settings.Address);
            _listening.Listen(64);
        }
        catch (SocketException e)
        {
            _listening.Dispose();
            throw new IOException($"the admin endpoint cannot listen on {settings.Address}: {e.Message}", e);
        }
        Address = (IPEndPoint)_listening.LocalEndPoint!;
        _accepting = LowPriorityThread.Start("admin", Accept);
    }

    /// <summary>Where it listens; with port 0 asked for, the port that was given.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Stops accepting and closes what is open.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopped) return;
            _stopped = true;
            foreach (var socket in _open) End(socket);
        }
        _listening.Dispose();
        _accepting.Join();
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = _listening.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                lock (_lock)
                {
                    if (_stopped) return;
                }
                // Out of descriptors, or a client that left the backlog: neither ends the server, the first must not spin.
                Thread.Sleep(100);
                continue;
            }
            if (Admit(socket)) LowPriorityThread.Start("admin-client", () => Serve(socket));
            else TurnAway(socket);
        }
    }

    private bool Admit(Socket socket)
    {
        lock (_lock)
        {
            return !_stopped && _open.Count < _settings.MaxConnections && _open.Add(socket);
        }
    }

    private void Serve(Socket socket)
    {
        try
        {
            new AdminConnection(socket, _settings, _router, _time, _report).Serve();
        }
        catch (Exception e)
        {
            _report(e);
        }
        finally
        {
            lock (_lock) _open.Remove(socket);
            socket.Dispose();
        }
    }

    /// <summary>Its thread wakes up and closes it. Disposing it here would reset the connection under an answer that is on its way.</summary>
    private static void End(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // The client was faster.
        }
    }

    /// <summary>A fresh connection has room for these bytes, so nothing waits here.</summary>
    private void TurnAway(Socket socket)
    {
        using (socket)
        {
            try
            {
                socket.Blocking = false;
                var body = $"the admin endpoint has {_settings.MaxConnections} connections, its limit MaxConnections\n";
                socket.Send(System.Text.Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {AdminResponse.Text}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}"));
                socket.Shutdown(SocketShutdown.Both);
            }
            catch (SocketException)
            {
                // It did not wait for its refusal.
            }
        }
    }
}
