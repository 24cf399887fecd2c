using Weft.Proxy.Listening;
using Weft.Proxy.Tcp;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Detection;

/// <summary>
/// The client's side of an <see cref="UndecidedConnection"/>: its first bytes can be looked at and stay where they are, and it becomes what they say. Exactly one of
/// <see cref="Abort"/> and the methods that begin with <c>On</c> ends it. Used on its worker alone.
/// </summary>
internal interface IUndecidedClient
{
    Worker Worker { get; }

    /// <summary>It is not decided yet what becomes of it, and it has not broken.</summary>
    bool IsOpen { get; }

    /// <summary>The client has ended its direction: what has arrived is all there will be.</summary>
    bool HasEnded { get; }

    /// <summary>Tells <paramref name="connection"/> whenever there is something new to <see cref="Peek"/>, and once when <paramref name="timeout"/> is over.</summary>
    void Watch(UndecidedConnection connection, TimeSpan timeout);

    /// <summary>Copies what has arrived, from its beginning, and leaves it there.</summary>
    /// <returns>Bytes copied; 0 when the stream ended before its first byte; -1 when nothing is there yet; -2 when the connection broke.</returns>
    int Peek(Span<byte> into);

    /// <summary>Closes with a reset.</summary>
    void Abort();

    /// <summary>What the connection is if it carries bytes. Its endpoint will be dialled, so whoever may not be served is refused here.</summary>
    /// <returns>Null when it was refused, and is closed.</returns>
    ByteServerConnection? AsBytes();

    /// <summary>It carries bytes; <paramref name="bytes"/> has its endpoint.</summary>
    void OnBytes(ByteServerConnection bytes);

    /// <param name="asBytes">What <see cref="AsBytes"/> was asked for before; null when it was not.</param>
    void OnHttp(ClientProtocol protocol, DownstreamConnection? asBytes);

    /// <summary>Whether this TLS is nobody's here and goes where the plaintext bytes would have gone: what was dialled for them serves it as well.</summary>
    bool IsForBytes(ClientHello hello);

    void OnTls(ClientHello hello);
}
