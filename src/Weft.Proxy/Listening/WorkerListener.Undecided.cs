using Weft.Proxy.Configuration;
using Weft.Proxy.Detection;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Listening;

/// <summary>Connections of which both sides are read to find out what they carry.</summary>
internal sealed partial class WorkerListener : IUndecidedHandler
{
    /// <summary>
    /// What may come of the connection, where a plaintext client that says nothing is to be connected all the same: its bytes have somewhere to go, and it may be waiting for a greeting
    /// from there. Null where the client alone tells, or there is nothing to find out.
    /// </summary>
    private UndecidedSettings? Undecided(AcceptedSocket socket, BoundListener listener)
    {
        if (!listener.Listener.NeedsDetection && !listener.Detects) return null;
        if (PlainChain(socket, listener) is not { IsTls: false, Bytes: { } bytes } plain) return null;
        var http = plain.Chain.Detection ?? (listener.InspectsHttp ? Weft.Routing.Listeners.ProtocolDetection.Default : null);
        if (http is null && !listener.TakesTls) return null;
        return new UndecidedSettings(bytes.Clusters[0].Name, http, listener.TakesTls, _detection.Timeout) { TlsPeer = listener.TakesTls ? socket.Remote.Address : null };
    }

    public ByteServerConnection? AsBytes(AcceptedSocket socket)
    {
        if (Current is not { } listener || PlainChain(socket, listener) is not { Bytes: { } bytes } chain)
        {
            socket.Close(); // the configuration has changed in the meantime
            return null;
        }
        var connection = Connection(socket, listener.Listener, chain);
        if (connection.IsPermitted(socket)) return new ByteServerConnection(_context, connection, bytes);
        socket.Abort();
        return null;
    }

    /// <inheritdoc/>
    /// <remarks>The very chain that has let it in is not asked again; one that has come meanwhile is.</remarks>
    public void OnHttp(AcceptedSocket socket, ClientProtocol protocol, DownstreamConnection? asBytes)
    {
        var listener = Current;
        string[] offered = ProtocolGuess.ApplicationProtocol(protocol) is { } name ? [name] : [];
        if (listener is null || Select(socket, listener, Detected.RawBuffer, "", offered) is not { } chain) socket.Close();
        else if (chain.Chain.Http is null) Serve(socket, listener.Listener, chain);
        else ServeHttp(socket, listener.Listener, chain, isPermitted: ReferenceEquals(chain, asBytes?.Chain));
    }

    /// <inheritdoc/>
    /// <remarks>Rules of its own may ask for the server name, which was not known when the other chain was asked.</remarks>
    public bool IsForBytes(AcceptedSocket socket, ClientHello hello) =>
        Current is { } listener && PlainChain(socket, listener) is { Bytes: { } plain }
        && Select(socket, listener, Detected.Tls, hello.ServerName, [.. hello.ApplicationProtocols]) is { IsTls: false, Access.IsEmpty: true, Bytes: { } bytes }
        && bytes.Clusters.SequenceEqual(plain.Clusters);

    public void OnTls(AcceptedSocket socket, ClientHello hello) => OnDetected(socket, new Detected
    {
        TransportProtocol = Detected.Tls,
        ServerName = hello.ServerName,
        ApplicationProtocols = hello.ApplicationProtocols,
    });

    /// <summary>The chain of a client that is neither TLS nor, as far as chains ask for that, HTTP.</summary>
    private static BoundChain? PlainChain(AcceptedSocket socket, BoundListener listener) => Select(socket, listener, Detected.RawBuffer, "", []);
}
