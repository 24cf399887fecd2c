using System.Net;
using System.Net.Sockets;

namespace Weft.Proxy.Tests.Admin;

/// <summary>An application that answers 200 to everything.</summary>
internal sealed class HttpListenerBackend : IDisposable
{
    private readonly HttpListener _listener = new();

    public HttpListenerBackend()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }
        _listener.Prefixes.Add($"http://*:{Port}/");
        _listener.Start();
        _ = Task.Run(async () =>
        {
            try
            {
                while (true) (await _listener.GetContextAsync()).Response.Close("ok"u8.ToArray(), willBlock: true);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // Disposed.
            }
        });
    }

    public int Port { get; }

    public void Dispose() => _listener.Close();
}
