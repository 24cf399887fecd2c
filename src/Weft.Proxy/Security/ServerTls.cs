using System.Net;
using System.Runtime.InteropServices;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>How to accept TLS.</summary>
internal sealed record ServerTlsSettings
{
    public required TlsCertificate Certificate { get; init; }

    /// <summary>Whom to believe; null asks for no client certificate.</summary>
    public TrustRoots? ClientRoots { get; init; }

    /// <summary>Ends the handshake with the alert certificate_required when the client shows none. Needs <see cref="ClientRoots"/>. Default true when they are set.</summary>
    public bool RequireClientCertificate { get; init; } = true;

    /// <summary>Which verified clients are let in. Default: all of them.</summary>
    public PeerExpectation Expected { get; init; } = PeerExpectation.AnyVerified;

    /// <summary>Protocols in order of preference; a client that offers others only gets the alert no_application_protocol (RFC 7301, section 3.2). Empty: ALPN is ignored.</summary>
    public IReadOnlyList<string> Alpn { get; init; } = [];

    /// <summary>Default false: TLS 1.3 only.</summary>
    public bool AllowTls12 { get; init; }

    /// <summary>How long a ticket resumes a session; zero gives none. Default one hour. Ticket keys belong to this context: a new one (new certificate, new bundle) accepts no old ticket.</summary>
    public TimeSpan SessionLifetime { get; init; } = DefaultSessionLifetime;

    public static TimeSpan DefaultSessionLifetime => TimeSpan.FromHours(1);
}

/// <summary>The accepting side's TLS context.</summary>
internal sealed class ServerTls : TlsContext
{
    private static readonly SelectCallback Select = SelectProtocol;
    private static readonly nint SelectPointer = Marshal.GetFunctionPointerForDelegate(Select);

    /// <exception cref="TlsException">The settings contradict each other or OpenSSL refuses them.</exception>
    public ServerTls(ServerTlsSettings settings, TimeProvider time)
        : base(settings.Certificate, settings.ClientRoots, settings.AllowTls12, time)
    {
        Expected = settings.Expected;
        var context = Handle.Pointer;
        if (settings.ClientRoots is not null)
        {
            var mode = OpenSsl.VerifyPeer | (settings.RequireClientCertificate ? OpenSsl.VerifyFailIfNoPeerCertificate : 0);
            OpenSsl.SSL_CTX_set_verify(context, mode, 0);
        }
        OpenSsl.SSL_CTX_set_session_id_context(context, "weft"u8, 4); // without one OpenSSL resumes no session that has a client certificate
        var resumes = settings.SessionLifetime > TimeSpan.Zero;
        if (!resumes) OpenSsl.SSL_CTX_set_options(context, OpenSsl.OptionNoTicket);
        OpenSsl.SSL_CTX_set_num_tickets(context, resumes ? 1u : 0u); // a mesh connection lives long: one spare is enough
        OpenSsl.SSL_CTX_set_timeout(context, (nint)settings.SessionLifetime.TotalSeconds);
        if (settings.Alpn.Count == 0) return;
        Handle.KeepAlpn(EncodeAlpn(settings.Alpn));
        OpenSsl.SSL_CTX_set_alpn_select_cb(context, SelectPointer, Handle.AlpnPointer);
    }

    private delegate int SelectCallback(nint ssl, nint chosen, nint chosenLength, nint offered, uint offeredLength, nint argument);

    private protected override PeerExpectation Expected { get; }

    private protected override void Prepare(nint ssl, IPEndPoint remote, string serverName) => OpenSsl.SSL_set_accept_state(ssl);

    /// <summary>SSL_CTX_alpn_select_cb: our order decides. The argument is the encoded list behind its length.</summary>
    private static int SelectProtocol(nint ssl, nint chosen, nint chosenLength, nint offered, uint offeredLength, nint argument)
    {
        var length = (uint)Marshal.ReadInt32(argument);
        var status = OpenSsl.SSL_select_next_proto(chosen, chosenLength, argument + sizeof(int), length, offered, offeredLength);
        return status == OpenSsl.ProtocolNegotiated ? OpenSsl.AlpnAccepted : OpenSsl.AlpnFatal;
    }
}
