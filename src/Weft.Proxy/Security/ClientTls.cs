using System.Collections.Concurrent;
using System.Net;
using System.Runtime.InteropServices;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>How to connect with TLS.</summary>
internal sealed record ClientTlsSettings
{
    /// <summary>Shown when the server asks; null shows none.</summary>
    public TlsCertificate? Certificate { get; init; }

    /// <summary>Whom to believe; null verifies nobody: encryption without identity.</summary>
    public TrustRoots? ServerRoots { get; init; }

    /// <summary>Which verified servers are the right ones. Default: all of them; <see cref="ClientTls.Expecting"/> narrows it per endpoint.</summary>
    public PeerExpectation Expected { get; init; } = PeerExpectation.AnyVerified;

    /// <summary>Protocols offered, in order of preference. Empty: none.</summary>
    public IReadOnlyList<string> Alpn { get; init; } = [];

    /// <summary>Default false: TLS 1.3 only.</summary>
    public bool AllowTls12 { get; init; }

    /// <summary>Sessions kept for resumption, one per address and server name, shared by all workers; 0 keeps none. When full, all are forgotten. Default 1024.</summary>
    public int MaxSessions { get; init; } = 1024;
}

/// <summary>The connecting side's TLS context.</summary>
internal sealed class ClientTls : TlsContext
{
    private readonly ConcurrentDictionary<(IPEndPoint Remote, string ServerName), Session> _sessions;
    private readonly int _maxSessions;

    /// <exception cref="TlsException">OpenSSL refuses the settings.</exception>
    public ClientTls(ClientTlsSettings settings, TimeProvider time)
        : base(settings.Certificate, settings.ServerRoots, settings.AllowTls12, time)
    {
        Expected = settings.Expected;
        _maxSessions = settings.MaxSessions;
        _sessions = new ConcurrentDictionary<(IPEndPoint, string), Session>();
        var context = Handle.Pointer;
        if (settings.ServerRoots is not null) OpenSsl.SSL_CTX_set_verify(context, OpenSsl.VerifyPeer, 0);
        if (settings.Alpn.Count == 0) return;
        var alpn = EncodeAlpn(settings.Alpn);
        if (OpenSsl.SSL_CTX_set_alpn_protos(context, alpn, (uint)alpn.Length) != 0) throw new TlsException("the ALPN list is refused by OpenSSL");
    }

    private ClientTls(ClientTls shared, PeerExpectation expected) : base(shared)
    {
        Expected = expected;
        _maxSessions = shared._maxSessions;
        _sessions = shared._sessions;
    }

    private protected override PeerExpectation Expected { get; }

    /// <summary>The same context and sessions with another expectation: an endpoint's identity comes with the endpoint, its secret with the cluster.</summary>
    public ClientTls Expecting(PeerExpectation expected) => new(this, expected);

    /// <summary>Keeps the session once per connection, when its first bytes were read: by then the tickets of TLS 1.3 have arrived. (OpenSSL's own way, a callback for each new session,
    /// would call managed code from inside SSL_read.) Whoever resumes is checked against the expectation like everybody else.</summary>
    internal override void KeepSession(nint ssl, IPEndPoint remote, string serverName)
    {
        if (_maxSessions == 0) return;
        var session = OpenSsl.SSL_get1_session(ssl);
        if (session == 0) return;
        var kept = new Session(session);
        if (OpenSsl.SSL_SESSION_is_resumable(session) != 1)
        {
            kept.Dispose();
            return;
        }
        if (_sessions.Count >= _maxSessions) _sessions.Clear();
        _sessions[(remote, serverName)] = kept; // the one before is finalised: another worker may be about to use it
    }

    private protected override void Prepare(nint ssl, IPEndPoint remote, string serverName)
    {
        OpenSsl.SSL_set_connect_state(ssl);
        if (serverName.Length > 0) OpenSsl.SSL_ctrl(ssl, OpenSsl.ControlSetServerName, 0, serverName);
        if (_maxSessions == 0 || !_sessions.TryGetValue((remote, serverName), out var session)) return;
        OpenSsl.SSL_set_session(ssl, session.Pointer); // takes a reference of its own
        GC.KeepAlive(session);
    }

    private protected override string ServerNameOf(nint ssl) => ""; // the client knows what it sent

    private sealed class Session : SafeHandle
    {
        public Session(nint session) : base(0, ownsHandle: true) => SetHandle(session);

        public override bool IsInvalid => handle == 0;

        public nint Pointer => handle;

        protected override bool ReleaseHandle()
        {
            OpenSsl.SSL_SESSION_free(handle);
            return true;
        }
    }
}
