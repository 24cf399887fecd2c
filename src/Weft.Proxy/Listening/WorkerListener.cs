using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;

namespace Weft.Proxy.Listening;

/// <summary>
/// One worker's end of a listener: decides for each accepted connection which filter chain it belongs to and what it becomes. The listener is looked up in
/// the current configuration each time, so a new version needs no visit here.
/// </summary>
internal sealed class WorkerListener : IAcceptHandler, IDetectionHandler
{
    private readonly WorkerContext _context;
    private readonly string _name;
    private readonly Detector _detector;

    public WorkerListener(WorkerContext context, Listener listener)
    {
        _context = context;
        _name = listener.Name;
        _detector = new Detector(new DetectorSettings { Timeout = listener.DetectionTimeout == Timeout.InfiniteTimeSpan ? TimeSpan.FromHours(1) : listener.DetectionTimeout }, this);
    }

    public void OnAccepted(AcceptedSocket socket)
    {
        var listener = _context.Config.Current.Listeners.Find(_name);
        if (listener is null) socket.Close(); // withdrawn; the socket stays open only until its backlog has drained
        else if (listener.Only is { } chain) Serve(socket, listener.Listener, chain);
        else _detector.Start(socket);
    }

    public void OnDetected(AcceptedSocket socket, in Detected detected)
    {
        var listener = _context.Config.Current.Listeners.Find(_name);
        if (listener?.Select(detected.TransportProtocol, detected.ServerName, [.. detected.ApplicationProtocols]) is { } chain) Serve(socket, listener.Listener, chain);
        else Reject(socket, listener, detected);
    }

    /// <inheritdoc/>
    /// <remarks>Closed already; a port scanner or a health check that only connects does this all day, so nothing is said.</remarks>
    public void OnUndetected(AcceptedSocket socket, string reason) { }

    private void Serve(AcceptedSocket socket, Listener listener, BoundChain chain)
    {
        var connection = new DownstreamConnection(_context, _name, listener.Direction, chain);
        if (!chain.IsTls) socket.Plain(chain.Http.Codec == HttpCodec.Http2 ? new Http2ServerConnection(_context, connection) : new Http1ServerConnection(_context, connection));
        else if (chain.Tls is { } tls) socket.Tls(tls, new NegotiatedConnection(_context, connection), chain.Chain.HandshakeTimeout);
        else socket.Close(); // its certificate has not arrived: never plaintext instead
    }

    /// <summary>
    /// No chain takes the connection. A client that speaks TLS is led into the handshake of the listener's TLS chain, where it fails with an alert that says
    /// why (no certificate, no common protocol), instead of a closed socket that says nothing. Plaintext is closed.
    /// </summary>
    private static void Reject(AcceptedSocket socket, BoundListener? listener, in Detected detected)
    {
        if (detected.TransportProtocol == "tls" && listener is not null)
        {
            foreach (var chain in listener.Chains)
            {
                if (chain.Tls is not { } tls) continue;
                socket.Tls(tls, RejectedConnection.Instance, chain.Chain.HandshakeTimeout);
                return;
            }
        }
        socket.Close();
    }

    /// <summary>Sits through a handshake that is meant to fail; should it succeed, the connection is closed before a byte of HTTP.</summary>
    private sealed class RejectedConnection : IChannelHandler
    {
        public static readonly RejectedConnection Instance = new();

        public void OnOpen(Channel channel) => channel.Close();

        public void OnReadable(Channel channel) { }

        public void OnWritable(Channel channel) { }

        public void OnFailed(Channel channel) { }
    }
}
