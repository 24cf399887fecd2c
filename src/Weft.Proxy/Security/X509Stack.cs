using System.Runtime.InteropServices;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Security;

/// <summary>Certificates in OpenSSL's memory, in order. Users keep it alive (GC.KeepAlive) while they use its pointers.</summary>
internal sealed class X509Stack : SafeHandle
{
    private const int ReasonNoStartLine = 108;

    private X509Stack(nint stack) : base(0, ownsHandle: true) => SetHandle(stack);

    public override bool IsInvalid => handle == 0;

    public int Count => OpenSslCrypto.OPENSSL_sk_num(handle);

    /// <summary>STACK_OF(X509)*.</summary>
    public nint Pointer => handle;

    public nint this[int index] => OpenSslCrypto.OPENSSL_sk_value(handle, index);

    /// <summary>Reads every certificate of <paramref name="pem"/>; other blocks and text between them are skipped.</summary>
    /// <param name="what">Names the input in errors.</param>
    /// <exception cref="TlsException">There is none, or one is broken.</exception>
    public static X509Stack Parse(ReadOnlySpan<byte> pem, string what)
    {
        var stack = new X509Stack(OpenSslCrypto.OPENSSL_sk_new_null());
        OpenSslCrypto.WithBio(pem, bio =>
        {
            while (OpenSslCrypto.PEM_read_bio_X509(bio, 0, 0, 0) is var certificate and not 0)
                _ = OpenSslCrypto.OPENSSL_sk_push(stack.handle, certificate);
            return 0;
        });
        var (reason, text) = OpenSslCrypto.TakeError(); // reading ends with "no start line"; anything else is a broken block
        if (text is not null && reason != ReasonNoStartLine) throw Failed(stack, $"the {what} is broken after {stack.Count} certificates: {text}");
        return stack.Count > 0 ? stack : throw Failed(stack, $"the {what} holds no certificate");
    }

    protected override bool ReleaseHandle()
    {
        for (var i = 0; i < OpenSslCrypto.OPENSSL_sk_num(handle); i++) OpenSslCrypto.X509_free(OpenSslCrypto.OPENSSL_sk_value(handle, i));
        OpenSslCrypto.OPENSSL_sk_free(handle);
        return true;
    }

    private static TlsException Failed(X509Stack stack, string message)
    {
        stack.Dispose();
        return new TlsException(message);
    }
}
