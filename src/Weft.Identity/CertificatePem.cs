using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Weft.Identity;

/// <summary>PEM (RFC 7468) to certificates and keys, without the key ever becoming a string.</summary>
internal static class CertificatePem
{
    /// <summary>Every CERTIFICATE block in order; at least one.</summary>
    /// <exception cref="IdentityException">There is none, or one is damaged. <paramref name="what"/> names the text in the message.</exception>
    public static List<X509Certificate2> Read(ReadOnlySpan<byte> pem, string what)
    {
        var text = Encoding.UTF8.GetString(pem);
        var rest = text.AsSpan();
        var found = new List<X509Certificate2>();
        try
        {
            while (PemEncoding.TryFind(rest, out var fields))
            {
                if (rest[fields.Label] is "CERTIFICATE")
                    found.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(rest[fields.Base64Data].ToString())));
                rest = rest[fields.Location.End..];
            }
        }
        catch (CryptographicException error) { throw new IdentityException($"the {what} holds a damaged certificate: {error.Message}", error); }
        // A damaged block is one that TryFind steps over: its markers are there, its content is not base64.
        if (found.Count == 0 || Count(text, "-----BEGIN ") != Count(text, "-----END ") || rest.Contains("-----", StringComparison.Ordinal))
            throw new IdentityException(found.Count == 0 ? $"the {what} holds no readable PEM certificate" : $"the {what} holds a damaged PEM block");
        return found;
    }

    /// <summary>An ECDSA or RSA key from unencrypted PKCS#8, SEC1 or PKCS#1 PEM.</summary>
    /// <exception cref="IdentityException">It is neither.</exception>
    public static AsymmetricAlgorithm ReadKey(ReadOnlySpan<byte> pem)
    {
        // ImportFromPem wants characters. They are this method's own, pinned, and overwritten; a string could not be.
        var characters = GC.AllocateUninitializedArray<char>(pem.Length, pinned: true);
        try
        {
            var count = Encoding.ASCII.GetChars(pem, characters);
            var text = characters.AsSpan(0, count);
            return Import(ECDsa.Create(), text, static (key, t) => key.ImportFromPem(t))
                ?? Import(RSA.Create(), text, static (key, t) => key.ImportFromPem(t))
                ?? throw new IdentityException("the private key is damaged or is neither ECDSA nor RSA in unencrypted PEM");
        }
        finally { CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(characters.AsSpan())); }
    }

    private static AsymmetricAlgorithm? Import<T>(T key, ReadOnlySpan<char> pem, Action<T, ReadOnlySpan<char>> import) where T : AsymmetricAlgorithm
    {
        try
        {
            import(key, pem);
            return key;
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            key.Dispose();
            return null;
        }
    }

    /// <summary>The PKCS#8 PEM of a key as ASCII bytes in a pinned array that the caller clears.</summary>
    public static byte[] WriteKey(AsymmetricAlgorithm key)
    {
        var der = key.ExportPkcs8PrivateKey();
        var characters = GC.AllocateUninitializedArray<char>(PemEncoding.GetEncodedSize("PRIVATE KEY".Length, der.Length) + 1, pinned: true);
        try
        {
            var written = PemEncoding.TryWrite("PRIVATE KEY", der, characters, out var count) ? count : throw new InvalidOperationException("PEM size");
            characters[written] = '\n';
            var bytes = GC.AllocateUninitializedArray<byte>(written + 1, pinned: true);
            Encoding.ASCII.GetBytes(characters.AsSpan(0, written + 1), bytes);
            return bytes;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
            CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(characters.AsSpan()));
        }
    }

    /// <summary>Certificates in PEM, each block ending in a line feed.</summary>
    public static byte[] Write(IEnumerable<X509Certificate2> certificates) =>
        Encoding.ASCII.GetBytes(string.Concat(certificates.Select(certificate => certificate.ExportCertificatePem() + "\n")));

    private static int Count(ReadOnlySpan<char> text, ReadOnlySpan<char> part) => text.Count(part);
}
