using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Interception;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.ProxyProtocol;
using Weft.Proxy.Security;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;

namespace Weft.Proxy.Listening;

/// <summary>
/// One worker's end of a listener: decides for each accepted connection which filter chain it belongs to and what it becomes. The listener is looked up in
/// the current configuration each time, so a new version needs no visit here.
/// </summary>
internal sealed partial class WorkerListener : IAcceptHandler, IProxyHeaderHandler, IDetectionHandler
{
    private readonly WorkerContext _context;
    private readonly string _name;
    private readonly ProxyHeaderPeek _proxyHeaders;
    private readonly Detector _detector;
    private readonly DetectorSettings _detection;
    private readonly Admission.ListenerAdmission _admission;
    private BoundListener? _last;

    public WorkerListener(WorkerContext context, Listener listener)
    {
        _context = context;
        _name = listener.Name;
        _admission = context.Admission.For(listener.Name);
        _detection = DetectorSettings.Of(listener);
        _proxyHeaders = new ProxyHeaderPeek(_detection.Timeout, this);
        _detector = new Detector(_detection, this);
    }

    /// <summary>As it is now; as it last was, for the connections that were in its backlog when it was withdrawn.</summary>
    private BoundListener? Current => _context.Config.Current.Listeners.Find(_name) is { } current ? _last = current : _last;

    /// <inheritdoc/>
    bool IDetectionHandler.InspectsHttp => Current is { InspectsHttp: true };

    /// <inheritdoc/>
    ProxyProtocolFilter? IProxyHeaderHandler.Filter => Current?.Listener.ProxyProtocol;

    public void OnAccepted(AcceptedSocket socket)
    {
        if (Current is not { } listener)
        {
            socket.Close();
            return;
        }
        if (listener.Listener.RestoresDestination && !TryRestoreDestination(socket)) return;
        if (listener.Listener.ProxyProtocol is { } filter) _proxyHeaders.Start(socket, filter);
        else Choose(socket, listener);
    }

    public void OnHeaderRead(AcceptedSocket socket)
    {
        if (Current is { } listener) Choose(socket, listener);
        else socket.Close();
    }

    public void OnHeaderRefused(AcceptedSocket socket, string reason) => _context.Admission.Refusals.Add(RefusalReason.ProxyHeader, _name, socket.Remote, reason);

    public void OnDetected(AcceptedSocket socket, in Detected detected)
    {
        var listener = Current;
        if (listener is not null && Select(socket, listener, detected.TransportProtocol, detected.ServerName, [.. detected.ApplicationProtocols]) is { } chain)
            Serve(socket, listener.Listener, chain, detected.ServerName);
        else Reject(socket, listener, detected);
    }

    /// <inheritdoc/>
    /// <remarks>Closed already; a port scanner or a health check that only connects does this all day, so nothing is said.</remarks>
    public void OnUndetected(AcceptedSocket socket, string reason) { }

    /// <summary>A socket that nobody redirected was meant for this listener: what the kernel answers then is its own address.</summary>
    /// <returns>False: it is a connection of this proxy that a redirect brought back, and it is ended.</returns>
    private bool TryRestoreDestination(AcceptedSocket socket)
    {
        var destination = socket.OriginalDestination() ?? socket.Local;
        socket.Addresses = new ConnectionAddresses(socket.Remote, socket.Remote, destination, IsElsewhere: !destination.Equals(socket.Local));
        if (!_context.Admission.OwnConnections.Contains(socket.Remote, destination)) return true;
        _context.Admission.Refusals.Add(RefusalReason.Loop, _name, socket.Remote, $"it is this proxy's own connection to {destination}, which a redirect brought back");
        socket.Abort();
        return false;
    }

    /// <summary>There is one chain for everything, or the chain follows from the addresses, or the first bytes must be seen.</summary>
    private void Choose(AcceptedSocket socket, BoundListener listener)
    {
        if (Undecided(socket, listener) is { } settings) new UndecidedConnection(_context.Detection, new UndecidedSocket(socket, this), settings).Start();
        else if (listener.Only is { } only) Serve(socket, listener.Listener, only);
        else if (listener.Listener.NeedsDetection) _detector.Start(socket);
        else if (PlainChain(socket, listener) is { } chain) Serve(socket, listener.Listener, chain);
        else socket.Close();
    }

    private static ConnectionFacts FactsOf(AcceptedSocket socket, string transportProtocol, string serverName, ReadOnlySpan<string> offered) => new()
    {
        Destination = socket.Addresses?.Destination ?? socket.Local,
        Source = socket.Addresses?.Client ?? socket.Remote,
        DirectSource = socket.Remote.Address,
        TransportProtocol = transportProtocol,
        ServerName = serverName,
        ApplicationProtocols = offered,
    };

    private static BoundChain? Select(AcceptedSocket socket, BoundListener listener, string transportProtocol, string serverName, ReadOnlySpan<string> offered) =>
        listener.Select(FactsOf(socket, transportProtocol, serverName, offered));

    private DownstreamConnection Connection(AcceptedSocket socket, Listener listener, BoundChain chain, string serverName = "") =>
        new(_context, _name, listener.Direction, chain) { Refusal = _admission.Refuse(), Addresses = socket.Addresses, RequestedServerName = serverName };

    /// <param name="serverName">Of a ClientHello that was looked at.</param>
    private void Serve(AcceptedSocket socket, Listener listener, BoundChain chain, string serverName = "")
    {
        if (!chain.IsTls && chain.Bytes is null)
        {
            ServeHttp(socket, listener, chain, isPermitted: false);
            return;
        }
        var connection = Connection(socket, listener, chain, serverName);
        if (chain.IsTls && chain.Tls is not { }) socket.Close(); // its certificate has not arrived: never plaintext instead
        else if (chain.Tls is { } tls) Shake(socket, tls, new NegotiatedConnection(_context, connection), chain);
        else if (connection.IsPermitted(socket)) socket.Plain(new ByteServerConnection(_context, connection, chain.Bytes!));
        else socket.Abort();
    }

    private void ServeHttp(AcceptedSocket socket, Listener listener, BoundChain chain, bool isPermitted)
    {
        var connection = Connection(socket, listener, chain);
        if (!isPermitted && !connection.IsPermitted(socket)) socket.Abort();
        else if (chain.Http.Routes is RouteSource.Transparent transparent) new InterceptedConnection(_context, socket, transparent, connection, _detection).Start();
        else socket.Plain(chain.Http.Codec == HttpCodec.Http2 ? new Http2ServerConnection(_context, connection) : new Http1ServerConnection(_context, connection));
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
