using System.Net;
using System.Net.Sockets;
using Weft.Proxy.Transport;
using Socket = System.Net.Sockets.Socket;
using SocketException = System.Net.Sockets.SocketException;

namespace Weft.Proxy.Admin;

/// <summary>
/// A small HTTP/1.1 server beside the data path: a thread that accepts and one for each client, so that neither a large dump nor a client
/// that does not read delays a request or another client.
/// </summary>
/// <remarks>Threads, not tasks: blocking calls are the simplest way to bound a client's time, and the thread pool is for the control connection.
/// Making them nicer than the workers would delay requests: see docs/decisions/0006-thread-priority.md.</remarks>
internal sealed class AdminServer : IDisposable
{
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
        try
        {
            _listening = Listen(settings.Address);
        }
        catch (SocketException e)
        {
            throw new IOException($"the admin endpoint cannot listen on {settings.Address}: {e.Message}", e);
        }
        Address = (IPEndPoint)_listening.LocalEndPoint!;
        _accepting = Start("admin", Accept);
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
            if (Admit(socket)) Start("admin-client", () => Serve(socket));
            else TurnAway(socket);
        }
    }

    /// <summary>
    /// Whoever started this proxy may hold the port for it, across restarts, with a bound socket that does not listen: then the port is shared with that
    /// socket. One that somebody listens on is not shared: the kernel would give each of two proxies some of the other's requests.
    /// </summary>
    private static Socket Listen(IPEndPoint address)
    {
        try
        {
            return Listen(address, shared: false);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && !IsServed(address))
        {
            return Listen(address, shared: true);
        }
    }

    private static Socket Listen(IPEndPoint address, bool shared)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (shared) socket.SetRawSocketOption(Libc.SolSocket, Libc.SoReusePort, BitConverter.GetBytes(1));
            socket.Bind(address);
            socket.Listen(64);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsServed(IPEndPoint address)
    {
        using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Connect(address);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Thread Start(string name, Action run)
    {
        var thread = new Thread(() => run()) { Name = name, IsBackground = true };
        thread.Start();
        return thread;
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
