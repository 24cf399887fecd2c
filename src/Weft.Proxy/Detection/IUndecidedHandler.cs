using Weft.Proxy.Listening;
using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Detection;

/// <summary>Decides about what <see cref="UndecidedConnection"/> has found out, always on the socket's worker. Nothing of the client's bytes was consumed.</summary>
internal interface IUndecidedHandler
{
    /// <summary>What the connection is if it carries bytes. Its endpoint will be dialled, so whoever may not be served is refused here.</summary>
    /// <returns>Null when it was refused; <paramref name="socket"/> is closed then.</returns>
    ByteServerConnection? AsBytes(AcceptedSocket socket);

    /// <param name="asBytes">What it was asked for as bytes before; null when it was not.</param>
    void OnHttp(AcceptedSocket socket, ClientProtocol protocol, DownstreamConnection? asBytes);

    /// <summary>Whether this TLS is nobody's here and goes where the plaintext bytes would have gone: what was dialled for them serves it as well.</summary>
    bool IsForBytes(AcceptedSocket socket, ClientHello hello);

    void OnTls(AcceptedSocket socket, ClientHello hello);
}
