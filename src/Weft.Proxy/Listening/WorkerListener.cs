using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Security;
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
    private readonly Admission.ListenerAdmission _admission;
    private BoundListener? _last;

    public WorkerListener(WorkerContext context, Listener listener)
    {
        _context = context;
        _name = listener.Name;
        _admission = context.Admission.For(listener.Name);
        _detector = new Detector(new DetectorSettings { Timeout = listener.DetectionTimeout == Timeout.InfiniteTimeSpan ? TimeSpan.FromHours(1) : listener.DetectionTimeout }, this);
    }

    /// <summary>As it is now; as it last was, for the connections that were in its backlog when it was withdrawn.</summary>
    private BoundListener? Current => _context.Config.Current.Listeners.Find(_name) is { } current ? _last = current : _last;

    public void OnAccepted(AcceptedSocket socket)
    {
        var listener = Current;
        if (listener is null) socket.Close();
        else if (listener.Only is { } chain) Serve(socket, listener.Listener, chain);
        else _detector.Start(socket);
    }

    public void OnDetected(AcceptedSocket socket, in Detected detected)
    {
        var listener = Current;
        if (listener?.Select(detected.TransportProtocol, detected.ServerName, [.. detected.ApplicationProtocols]) is { } chain) Serve(socket, listener.Listener, chain);
        else Reject(socket, listener, detected);
    }

    /// <inheritdoc/>
    /// <remarks>Closed already; a port scanner or a health check that only connects does this all day, so nothing is said.</remarks>
    public void OnUndetected(AcceptedSocket socket, string reason) { }

    private void Serve(AcceptedSocket socket, Listener listener, BoundChain chain)
    {
        var connection = new DownstreamConnection(_context, _name, listener.Direction, chain) { Refusal = _admission.Refuse() };
        if (!chain.IsTls) socket.Plain(chain.Http.Codec == HttpCodec.Http2 ? new Http2ServerConnection(_context, connection) : new Http1ServerConnection(_context, connection));
        else if (chain.Tls is { } tls) Shake(socket, tls, new NegotiatedConnection(_context, connection), chain);
        else socket.Close(); // its certificate has not arrived: never plaintext instead
    }

    /// <summary>
    /// No chain takes the connection. A client that speaks TLS is led into the handshake of the listener's TLS chain, where it fails with an alert that says
    /// why (no certificate, no common protocol), instead of a closed socket that says nothing. Plaintext is closed.
    /// </summary>
    private void Reject(AcceptedSocket socket, BoundListener? listener, in Detected detected)
    {
        if (detected.TransportProtocol == "tls" && listener is not null)
        {
            foreach (var chain in listener.Chains)
            {
                if (chain.Tls is not { } tls) continue;
                Shake(socket, tls, new NegotiatedConnection(_context, connection: null), chain);
                return;
            }
        }
        socket.Close();
    }

    private void Shake(AcceptedSocket socket, ServerTls tls, NegotiatedConnection connection, BoundChain chain) =>
        connection.Handshake = _context.Handshakes.Begin(socket.Tls(tls, connection, chain.Chain.HandshakeTimeout));
}
