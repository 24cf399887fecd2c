using System.Net;
using Weft.Proxy.Security;

namespace Weft.Proxy.Transport;

/// <summary>How a read or write on a non-blocking channel ended.</summary>
internal enum IoStatus : byte
{
    /// <summary>At least one byte moved.</summary>
    Ok,

    /// <summary>Nothing can move now; the handler is called when it can (edge-triggered: only after this answer).</summary>
    WouldBlock,

    /// <summary>The peer ended its direction (FIN or close_notify). Only reads answer this.</summary>
    EndOfStream,

    /// <summary>The connection is broken and closed; <see cref="Channel.Failure"/> says how. No event follows.</summary>
    Failed,
}

/// <summary>Why a channel ended or never opened.</summary>
internal enum ChannelFailure : byte
{
    None,
    ConnectRefused,
    ConnectTimeout,
    Unreachable,
    TlsHandshake,
    TlsTimeout,

    /// <summary>The handshake ended well, but the peer's SPIFFE ID is not one that is expected here.</summary>
    TlsIdentity,
    Reset,

    /// <summary>The peer has gone without a word: TCP heard nothing of it for as long as <see cref="Weft.Routing.Clusters.TcpKeepalive"/> allows, or as the kernel retransmits.</summary>
    Silent,

    /// <summary>EOF inside a TLS stream without close_notify: possibly truncated.</summary>
    Truncated,
    Other,
}

/// <summary>What a finished handshake proved. Read once per connection.</summary>
/// <param name="SpiffeId">The peer's URI SAN, or null when it showed no certificate or one without a SPIFFE ID.</param>
/// <param name="Alpn">The protocol agreed on, or an empty string.</param>
/// <param name="ServerName">The SNI that the client sent, in lower case: names are the same in any (RFC 4343), and rules compare them. Empty without one.</param>
/// <param name="Resumed">True when the session was resumed from a ticket.</param>
/// <param name="NotAfter">When the peer's certificate ends: no connection outlives it. Null without a certificate.</param>
internal sealed record TlsPeer(string? SpiffeId, string Alpn, string ServerName, bool Resumed, DateTimeOffset? NotAfter);

/// <summary>Receives a channel's events, always on the worker that owns it.</summary>
internal interface IChannelHandler
{
    /// <summary>Connected, and through the TLS handshake where there is one. Called once, before anything else but <see cref="OnFailed"/>.</summary>
    void OnOpen(Channel channel);

    /// <summary>Bytes (or the end of the stream) can be read. Read until <see cref="IoStatus.WouldBlock"/> or stop on purpose; after
    /// stopping on purpose the handler itself must resume, no new event comes.</summary>
    void OnReadable(Channel channel);

    /// <summary>A write that answered <see cref="IoStatus.WouldBlock"/> can go on.</summary>
    void OnWritable(Channel channel);

    /// <summary>The channel failed to open, or broke outside a read or write. It is already closed; <see cref="Channel.Failure"/> is set.</summary>
    void OnFailed(Channel channel);

    /// <summary>A hint to a handler that is not waiting to read: the peer has ended its direction or (with <paramref name="reset"/>) reset the connection; each is told at most once.
    /// Bytes from before may still be there to read. The default ignores it: the next read tells.</summary>
    void OnPeerEnding(Channel channel, bool reset) { }
}

/// <summary>
/// One non-blocking byte stream, plain or TLS, owned by one worker and used on its thread alone. Edge-triggered: callers read until
/// <see cref="IoStatus.WouldBlock"/> and write through, and queue only on it.
/// </summary>
internal abstract class Channel
{
    public required IChannelHandler Handler { get; set; }

    public ChannelFailure Failure { get; protected set; }

    /// <summary>One line for people: "connection refused", "certificate has expired", "peer is spiffe://… but … was expected".</summary>
    public string FailureText { get; protected set; } = "";

    /// <summary>Null on a plaintext channel.</summary>
    public TlsPeer? Peer { get; protected set; }

    /// <summary>The peer's verified certificate, read from it at each call; null on plaintext, without one, and on a closed channel.</summary>
    /// <param name="own">The certificate that was shown to the peer; null without one.</param>
    public virtual CertificateDetails? DescribePeer(out CertificateInfo? own)
    {
        own = null;
        return null;
    }

    public abstract IPEndPoint Remote { get; }

    public abstract IPEndPoint Local { get; }

    public bool IsOpen { get; protected set; }

    /// <summary>Reads into <paramref name="into"/> (not empty). <paramref name="read"/> is at least 1 on <see cref="IoStatus.Ok"/>.</summary>
    public abstract IoStatus Read(Span<byte> into, out int read);

    /// <summary>Writes as much of <paramref name="from"/> as fits. May write less than all with <see cref="IoStatus.Ok"/>: call again with the rest.</summary>
    public abstract IoStatus Write(ReadOnlySpan<byte> from, out int written);

    /// <summary>Two pieces (a head and a body) in one system call or TLS record where the transport can. <paramref name="written"/> counts over both.</summary>
    public abstract IoStatus Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int written);

    /// <summary>Ends our direction: FIN, after close_notify on TLS. Reading goes on.</summary>
    public abstract void ShutdownWrite();

    /// <summary>From now on the death of the process is a reset to the peer. Without it the kernel ends what a dead process leaves open with FIN, which on a plain stream says that everything was sent.
    /// TLS needs nothing: there an end without close_notify is no end.</summary>
    public virtual void ResetOnDeath() { }

    /// <summary>Closes quietly; close_notify is tried once. No event follows.</summary>
    public abstract void Close();

    /// <summary>Closes with a reset (SO_LINGER 0), so that the peer cannot take a cut message for a whole one. No event follows.</summary>
    public abstract void Abort();
}
