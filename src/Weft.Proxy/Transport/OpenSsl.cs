using System.Runtime.InteropServices;

namespace Weft.Proxy.Transport;

/// <summary>libssl.so.3, the part that a connection uses while it lives, and the building of contexts.</summary>
/// <remarks>
/// Only SSL_read, SSL_peek, SSL_write and plain readings of state are imported with <see cref="SuppressGCTransitionAttribute"/>: they cannot block on a non-blocking socket
/// and never call back into managed code (callbacks exist for certificate verification and ALPN only, both reachable from SSL_do_handshake alone, because
/// renegotiation and post-handshake authentication are off).
/// </remarks>
internal static unsafe partial class OpenSsl
{
    public const int ErrorSsl = 1, ErrorWantRead = 2, ErrorWantWrite = 3, ErrorSystemCall = 5, ErrorZeroReturn = 6;
    public const int ControlSetMode = 33, ControlSetReadAhead = 41, ControlSetSessionCacheMode = 44, ControlSetServerName = 55, ControlChainCertificate = 89,
        ControlSetMinVersion = 123;
    public const int ModePartialWrite = 1, ModeMovingWriteBuffer = 2, ModeAutoRetry = 4, ModeNoAutoChain = 8, ModeReleaseBuffers = 0x10;
    public const int Tls12 = 0x303, Tls13 = 0x304;
    public const int VerifyNone = 0, VerifyPeer = 1, VerifyFailIfNoPeerCertificate = 2;
    public const ulong OptionNoCompression = 1UL << 17, OptionCipherServerPreference = 1UL << 22, OptionNoRenegotiation = 1UL << 30, OptionNoTicket = 1UL << 14;
    public const int AlpnAccepted = 0, AlpnFatal = 2, ProtocolNegotiated = 1;

    private const string Library = "libssl.so.3";

    [LibraryImport(Library)]
    public static partial nint TLS_method();

    [LibraryImport(Library)]
    public static partial nint SSL_CTX_new(nint method);

    [LibraryImport(Library)]
    public static partial void SSL_CTX_free(nint context);

    [LibraryImport(Library)]
    public static partial nint SSL_CTX_ctrl(nint context, int command, nint number, nint pointer);

    [LibraryImport(Library)]
    public static partial ulong SSL_CTX_set_options(nint context, ulong options);

    [LibraryImport(Library)]
    public static partial int SSL_CTX_use_certificate(nint context, nint certificate);

    [LibraryImport(Library)]
    public static partial int SSL_CTX_use_PrivateKey(nint context, nint key);

    [LibraryImport(Library)]
    public static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);

    [LibraryImport(Library)]
    public static partial void SSL_CTX_set_cert_verify_callback(nint context, nint callback, nint argument);

    [LibraryImport(Library)]
    public static partial int SSL_CTX_set_alpn_protos(nint context, ReadOnlySpan<byte> protocols, uint length);

    [LibraryImport(Library)]
    public static partial void SSL_CTX_set_alpn_select_cb(nint context, nint callback, nint argument);

    [LibraryImport(Library)]
    public static partial int SSL_select_next_proto(nint chosen, nint chosenLength, nint server, uint serverLength, nint client, uint clientLength);

    [LibraryImport(Library)]
    public static partial int SSL_CTX_set_session_id_context(nint context, ReadOnlySpan<byte> id, uint length);

    [LibraryImport(Library)]
    public static partial nint SSL_CTX_set_timeout(nint context, nint seconds);

    [LibraryImport(Library)]
    public static partial int SSL_CTX_set_num_tickets(nint context, nuint count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_set_ciphersuites(nint context, string suites);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_set_cipher_list(nint context, string ciphers);

    [LibraryImport(Library)]
    public static partial nint SSL_new(nint context);

    [LibraryImport(Library)]
    public static partial void SSL_free(nint ssl);

    [LibraryImport(Library)]
    public static partial int SSL_set_fd(nint ssl, int fd);

    [LibraryImport(Library)]
    public static partial void SSL_set_accept_state(nint ssl);

    [LibraryImport(Library)]
    public static partial void SSL_set_connect_state(nint ssl);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint SSL_ctrl(nint ssl, int command, nint number, string text);

    [LibraryImport(Library)]
    public static partial int SSL_do_handshake(nint ssl);

    [LibraryImport(Library)]
    public static partial int SSL_shutdown(nint ssl);

    [SuppressGCTransition]
    [LibraryImport(Library)]
    public static partial int SSL_read(nint ssl, byte* into, int length);

    [SuppressGCTransition]
    [LibraryImport(Library)]
    public static partial int SSL_peek(nint ssl, byte* into, int length);

    [SuppressGCTransition]
    [LibraryImport(Library)]
    public static partial int SSL_write(nint ssl, byte* from, int length);

    [SuppressGCTransition]
    [LibraryImport(Library)]
    public static partial int SSL_get_error(nint ssl, int result);

    [SuppressGCTransition]
    [LibraryImport(Library)]
    public static partial int SSL_has_pending(nint ssl);

    [LibraryImport(Library)]
    public static partial nint SSL_get_rbio(nint ssl);

    [LibraryImport(Library)]
    public static partial nint SSL_get_servername(nint ssl, int type);

    [LibraryImport(Library)]
    public static partial void SSL_get0_alpn_selected(nint ssl, nint* protocol, uint* length);

    [LibraryImport(Library)]
    public static partial int SSL_session_reused(nint ssl);

    [LibraryImport(Library)]
    public static partial nint SSL_get0_peer_certificate(nint ssl);

    [LibraryImport(Library)]
    public static partial nint SSL_get_verify_result(nint ssl);

    [LibraryImport(Library)]
    public static partial nint SSL_get1_session(nint ssl);

    [LibraryImport(Library)]
    public static partial int SSL_set_session(nint ssl, nint session);

    [LibraryImport(Library)]
    public static partial int SSL_SESSION_is_resumable(nint session);

    [LibraryImport(Library)]
    public static partial void SSL_SESSION_free(nint session);

    /// <summary>The protocol agreed on, or an empty string.</summary>
    public static string AlpnOf(nint ssl)
    {
        nint protocol;
        uint length;
        SSL_get0_alpn_selected(ssl, &protocol, &length);
        return protocol == 0 ? "" : Marshal.PtrToStringUTF8(protocol, (int)length);
    }

    public static string ServerNameOf(nint ssl) => Marshal.PtrToStringUTF8(SSL_get_servername(ssl, 0))?.ToLowerInvariant() ?? "";

    /// <summary>As <see cref="SSL_read"/>: <paramref name="into"/> is pinned for the length of the call.</summary>
    public static int Read(nint ssl, Span<byte> into)
    {
        fixed (byte* p = into) return SSL_read(ssl, p, into.Length);
    }

    /// <summary>As <see cref="Read"/>, and the bytes stay.</summary>
    public static int Peek(nint ssl, Span<byte> into)
    {
        fixed (byte* p = into) return SSL_peek(ssl, p, into.Length);
    }

    public static int Write(nint ssl, ReadOnlySpan<byte> from)
    {
        fixed (byte* p = from) return SSL_write(ssl, p, from.Length);
    }
}
