using System.Net;
using System.Runtime.InteropServices;
using Weft.Identity;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>
/// One SSL_CTX: what every connection made of it shares. A new secret means a new context; connections of an old one keep it (each channel refers to it), and it is freed when
/// the last has gone. Safe to use from all workers.
/// </summary>
internal abstract class TlsContext
{
    /// <summary>AES-128 first: it costs a quarter less CPU than AES-256, and no attack tells them apart.</summary>
    private const string Suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

    /// <summary>TLS 1.2 where it is allowed: ephemeral keys and authenticated encryption only (RFC 9325, section 4.2).</summary>
    private const string Suites12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

    private readonly TimeProvider _time;

    /// <param name="roots">Whom to believe; null verifies nobody, and no peer has an identity.</param>
    private protected TlsContext(TlsCertificate? certificate, TrustRoots? roots, bool allowTls12, TimeProvider time)
    {
        _time = time;
        IsVerifying = roots is not null;
        Handle = new SslContextHandle(roots is null ? null : new PeerVerifier(roots, time));
        Certificate = certificate?.Info;
        var context = Handle.Pointer;
        OpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetMinVersion, allowTls12 ? OpenSsl.Tls12 : OpenSsl.Tls13, 0);
        // Without NoAutoChain OpenSSL searches issuers for our own certificate in every handshake that sends it: one more X509_verify_cert, for a chain that was loaded whole.
        OpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetMode,
            OpenSsl.ModePartialWrite | OpenSsl.ModeMovingWriteBuffer | OpenSsl.ModeAutoRetry | OpenSsl.ModeNoAutoChain | OpenSsl.ModeReleaseBuffers, 0);
        OpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetReadAhead, 1, 0);
        OpenSsl.SSL_CTX_ctrl(context, OpenSsl.ControlSetSessionCacheMode, 0, 0); // tickets carry the state; the cache would be a lock shared by the workers
        // Renegotiation off: it would let SSL_read reach the verification callback, which must not happen inside a call without GC transition.
        OpenSsl.SSL_CTX_set_options(context, OpenSsl.OptionNoCompression | OpenSsl.OptionNoRenegotiation | OpenSsl.OptionCipherServerPreference);
        if (OpenSsl.SSL_CTX_set_ciphersuites(context, Suites13) != 1 || OpenSsl.SSL_CTX_set_cipher_list(context, Suites12) != 1)
            throw new TlsException($"this OpenSSL lacks the cipher suites: {OpenSslCrypto.TakeError().Text}");
        certificate?.ApplyTo(context);
    }

    /// <summary>Shares the SSL_CTX of <paramref name="shared"/>.</summary>
    private protected TlsContext(TlsContext shared)
    {
        _time = shared._time;
        IsVerifying = shared.IsVerifying;
        Handle = shared.Handle;
        Certificate = shared.Certificate;
    }

    /// <summary>The own certificate that is shown; null for a client without one.</summary>
    public CertificateInfo? Certificate { get; }

    private protected SslContextHandle Handle { get; }

    private protected bool IsVerifying { get; }

    private protected abstract PeerExpectation Expected { get; }

    /// <summary>A new SSL on <paramref name="fd"/>, ready for SSL_do_handshake. The caller frees it.</summary>
    internal nint Open(int fd, IPEndPoint remote, string serverName)
    {
        OpenSslCrypto.TakeError(); // nothing that other code left on this thread may be blamed on this connection
        var ssl = OpenSsl.SSL_new(Handle.Pointer);
        if (ssl == 0 || OpenSsl.SSL_set_fd(ssl, fd) != 1)
        {
            if (ssl != 0) OpenSsl.SSL_free(ssl);
            throw new TlsException($"no TLS connection can be made: {OpenSslCrypto.TakeError().Text}");
        }
        Prepare(ssl, remote, serverName);
        return ssl;
    }

    /// <summary>What the handshake proved; <paramref name="refusal"/> is one sentence when the peer is not to be talked to.</summary>
    internal TlsPeer PeerOf(nint ssl, out string? refusal)
    {
        refusal = null;
        var certificate = IsVerifying ? OpenSsl.SSL_get0_peer_certificate(ssl) : 0;
        SpiffeId? id = null;
        DateTimeOffset? notAfter = null;
        if (certificate != 0)
        {
            id = PeerVerifier.IdOf(certificate, out _);
            notAfter = OpenSslCrypto.TimeOf(OpenSslCrypto.X509_get0_notAfter(certificate));
        }
        var resumed = OpenSsl.SSL_session_reused(ssl) == 1;
        // A resumed handshake verifies nothing: the certificate in the ticket was verified when it was young.
        if (notAfter <= _time.GetUtcNow()) refusal = $"peer {id?.Text ?? "without a SPIFFE ID"} resumed with a certificate that has expired";
        // Also when the peer would not mind: after a long outage a proxy starts with what it has, and an identity that has ended proves nothing to anybody.
        if (Certificate?.IdentityEnd <= _time.GetUtcNow()) refusal = $"this proxy's own certificate expired at {Certificate.NotAfter:u}";
        refusal ??= Expected.Refuse(id?.Text, id?.TrustDomain.Name);
        return new TlsPeer(id?.Text, OpenSsl.AlpnOf(ssl), ServerNameOf(ssl), resumed, notAfter);
    }

    /// <summary>The peer's certificate as others may be told of it; null where none was verified.</summary>
    internal CertificateDetails? DetailsOf(nint ssl) =>
        IsVerifying && OpenSsl.SSL_get0_peer_certificate(ssl) is var certificate and not 0 ? CertificateDetails.Of(certificate) : null;

    /// <summary>The failed handshake in words, with OpenSSL's number of reason.</summary>
    internal static (int Reason, string Text) HandshakeError(nint ssl)
    {
        var (reason, text) = OpenSslCrypto.TakeError();
        text ??= "TLS handshake failed";
        if (PeerVerifier.TakeRefusal() is { } refusal) return (reason, refusal);
        var verdict = OpenSsl.SSL_get_verify_result(ssl);
        if (verdict == OpenSslCrypto.VerifyOk) return (reason, text);
        return (reason, $"{text}: {Marshal.PtrToStringUTF8(OpenSslCrypto.X509_verify_cert_error_string(verdict))}");
    }

    /// <summary>Offered after the first bytes were read: a client may keep the session for its next connection.</summary>
    internal virtual void KeepSession(nint ssl, IPEndPoint remote, string serverName) { }

    private protected abstract void Prepare(nint ssl, IPEndPoint remote, string serverName);

    private protected virtual string ServerNameOf(nint ssl) => OpenSsl.ServerNameOf(ssl);

    /// <summary>ALPN's wire form (RFC 7301, section 3.1).</summary>
    private protected static byte[] EncodeAlpn(IReadOnlyList<string> protocols)
    {
        var bytes = new List<byte>();
        foreach (var protocol in protocols)
        {
            var name = System.Text.Encoding.ASCII.GetBytes(protocol);
            if (name.Length is 0 or > 255) throw new TlsException($"an ALPN protocol has 1 to 255 bytes, not {name.Length}: \"{protocol}\"");
            bytes.Add((byte)name.Length);
            bytes.AddRange(name);
        }
        return [.. bytes];
    }
}

/// <summary>Owns an SSL_CTX and the memory that its callbacks get.</summary>
internal sealed class SslContextHandle : SafeHandle
{
    private GCHandle _verifier;
    private nint _alpn;

    public SslContextHandle(PeerVerifier? verifier) : base(0, ownsHandle: true)
    {
        SetHandle(OpenSsl.SSL_CTX_new(OpenSsl.TLS_method()));
        if (IsInvalid) throw new TlsException($"no TLS context can be made: {OpenSslCrypto.TakeError().Text}");
        if (verifier is null) return;
        _verifier = GCHandle.Alloc(verifier);
        OpenSsl.SSL_CTX_set_cert_verify_callback(handle, PeerVerifier.CallbackPointer, GCHandle.ToIntPtr(_verifier));
    }

    public override bool IsInvalid => handle == 0;

    public nint Pointer => handle;

    /// <summary>The encoded list behind its length (int32).</summary>
    public nint AlpnPointer => _alpn;

    public void KeepAlpn(byte[] encoded)
    {
        _alpn = Marshal.AllocHGlobal(sizeof(int) + encoded.Length);
        Marshal.WriteInt32(_alpn, encoded.Length);
        Marshal.Copy(encoded, 0, _alpn + sizeof(int), encoded.Length);
    }

    protected override bool ReleaseHandle()
    {
        OpenSsl.SSL_CTX_free(handle);
        Marshal.FreeHGlobal(_alpn);
        if (_verifier.IsAllocated) _verifier.Free();
        return true;
    }
}
