using System.Runtime.InteropServices;

namespace Weft.Proxy.Transport;

/// <summary>libcrypto.so.3: PEM, X.509 and the error queue.</summary>
internal static unsafe partial class OpenSslCrypto
{
    public const int GeneralNameDns = 2, GeneralNameUri = 6, NidSubjectAltName = 85;
    public const uint ExtensionFlagCa = 0x10, KeyUsageCertSign = 0x04, KeyUsageCrlSign = 0x02, KeyUsageAbsent = uint.MaxValue;
    public const nuint VerifyPartialChain = 0x80000;
    public const int VerifyOk = 0, VerifyApplication = 50;
    private const int BioControlInfo = 3;
    private const nuint NameAsRfc2253 = 0x1110317; // XN_FLAG_RFC2253

    private const string Library = "libcrypto.so.3";

    [SuppressGCTransition]
    [LibraryImport(Library)]
    public static partial ulong BIO_number_read(nint bio);

    [LibraryImport(Library)]
    public static partial nint BIO_new_mem_buf(byte* bytes, int length);

    [LibraryImport(Library)]
    public static partial int BIO_free(nint bio);

    [LibraryImport(Library)]
    public static partial nint PEM_read_bio_X509(nint bio, nint into, nint passwordCallback, nint argument);

    [LibraryImport(Library)]
    public static partial nint PEM_read_bio_PrivateKey(nint bio, nint into, nint passwordCallback, ReadOnlySpan<byte> argument);

    [LibraryImport(Library)]
    private static partial nint BIO_s_mem();

    [LibraryImport(Library)]
    private static partial nint BIO_new(nint method);

    [LibraryImport(Library)]
    private static partial nint BIO_ctrl(nint bio, int command, nint number, nint pointer);

    [LibraryImport(Library)]
    private static partial nint SHA1(byte* bytes, nuint length, byte* digest);

    [LibraryImport(Library)]
    private static partial nint EVP_sha256();

    [LibraryImport(Library)]
    private static partial int X509_digest(nint certificate, nint digest, byte* into, uint* length);

    [LibraryImport(Library)]
    private static partial nint X509_get_subject_name(nint certificate);

    [LibraryImport(Library)]
    private static partial int X509_NAME_print_ex(nint bio, nint name, int indent, nuint flags);

    [LibraryImport(Library)]
    public static partial void X509_free(nint certificate);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    public static partial int X509_check_private_key(nint certificate, nint key);

    [LibraryImport(Library)]
    public static partial uint X509_get_extension_flags(nint certificate);

    [LibraryImport(Library)]
    public static partial uint X509_get_key_usage(nint certificate);

    [LibraryImport(Library)]
    public static partial nint X509_get0_notBefore(nint certificate);

    [LibraryImport(Library)]
    public static partial nint X509_get0_notAfter(nint certificate);

    [LibraryImport(Library)]
    public static partial nint X509_get0_serialNumber(nint certificate);

    [LibraryImport(Library)]
    public static partial int ASN1_TIME_to_tm(nint time, BrokenDownTime* into);

    [LibraryImport(Library)]
    public static partial nint ASN1_STRING_get0_data(nint text);

    [LibraryImport(Library)]
    public static partial int ASN1_STRING_length(nint text);

    [LibraryImport(Library)]
    public static partial nint X509_get_ext_d2i(nint certificate, int nid, nint critical, nint index);

    [LibraryImport(Library)]
    public static partial nint GENERAL_NAME_get0_value(nint name, int* type);

    [LibraryImport(Library)]
    public static partial void GENERAL_NAMES_free(nint names);

    [LibraryImport(Library)]
    public static partial nint OPENSSL_sk_new_null();

    [LibraryImport(Library)]
    public static partial int OPENSSL_sk_push(nint stack, nint item);

    [LibraryImport(Library)]
    public static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport(Library)]
    public static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport(Library)]
    public static partial void OPENSSL_sk_free(nint stack);

    [LibraryImport(Library)]
    public static partial nint X509_STORE_CTX_get0_cert(nint context);

    [LibraryImport(Library)]
    public static partial void X509_STORE_CTX_set0_trusted_stack(nint context, nint roots);

    [LibraryImport(Library)]
    public static partial void X509_STORE_CTX_set_time(nint context, nuint flags, nint unixSeconds);

    [LibraryImport(Library)]
    public static partial void X509_STORE_CTX_set_flags(nint context, nuint flags);

    [LibraryImport(Library)]
    public static partial void X509_STORE_CTX_set_error(nint context, int error);

    [LibraryImport(Library)]
    public static partial int X509_verify_cert(nint context);

    [LibraryImport(Library)]
    public static partial nint X509_verify_cert_error_string(nint error);

    [LibraryImport(Library)]
    public static partial ulong ERR_get_error();

    [LibraryImport(Library)]
    public static partial nint ERR_reason_error_string(ulong error);

    /// <summary>A read-only BIO over <paramref name="bytes"/> for the length of <paramref name="use"/>.</summary>
    public static T WithBio<T>(ReadOnlySpan<byte> bytes, Func<nint, T> use)
    {
        fixed (byte* p = bytes)
        {
            var bio = BIO_new_mem_buf(p, bytes.Length);
            try
            {
                return use(bio);
            }
            finally
            {
                BIO_free(bio);
            }
        }
    }

    public static DateTimeOffset TimeOf(nint asn1Time)
    {
        BrokenDownTime time;
        return ASN1_TIME_to_tm(asn1Time, &time) == 1
            ? new DateTimeOffset(time.Year + 1900, time.Month + 1, time.Day, time.Hour, time.Minute, time.Second, TimeSpan.Zero)
            : DateTimeOffset.MinValue;
    }

    /// <summary>A copy of the bytes of an ASN.1 string or integer.</summary>
    public static byte[] BytesOf(nint asn1String) =>
        new ReadOnlySpan<byte>((void*)ASN1_STRING_get0_data(asn1String), ASN1_STRING_length(asn1String)).ToArray();

    /// <summary>Every URI among the certificate's subject alternative names.</summary>
    public static List<string> UriNamesOf(nint certificate) => NamesOf(certificate, GeneralNameUri);

    /// <summary>The subject alternative names of one kind, <see cref="GeneralNameUri"/> or <see cref="GeneralNameDns"/>.</summary>
    public static List<string> NamesOf(nint certificate, int kind)
    {
        var found = new List<string>();
        var names = X509_get_ext_d2i(certificate, NidSubjectAltName, 0, 0);
        if (names == 0) return found;
        for (var i = 0; i < OPENSSL_sk_num(names); i++)
        {
            int type;
            var value = GENERAL_NAME_get0_value(OPENSSL_sk_value(names, i), &type);
            if (type == kind) found.Add(System.Text.Encoding.Latin1.GetString(BytesOf(value))); // IA5: a byte is a character, so nothing can hide
        }
        GENERAL_NAMES_free(names);
        return found;
    }

    /// <summary>SHA-256 of the certificate's DER form.</summary>
    public static byte[] Sha256Of(nint certificate)
    {
        var digest = new byte[32];
        fixed (byte* p = digest)
        {
            uint length;
            X509_digest(certificate, EVP_sha256(), p, &length);
        }
        return digest;
    }

    /// <param name="digest">20 bytes.</param>
    public static void Sha1(ReadOnlySpan<byte> bytes, Span<byte> digest)
    {
        if (digest.Length != 20) throw new ArgumentException("a SHA-1 takes 20 bytes", nameof(digest));
        // Both spans outlive the call.
        fixed (byte* from = bytes, into = digest) SHA1(from, (nuint)bytes.Length, into);
    }

    /// <summary>The subject's distinguished name in the form of RFC 2253.</summary>
    public static string SubjectOf(nint certificate)
    {
        var bio = BIO_new(BIO_s_mem());
        try
        {
            X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, NameAsRfc2253);
            byte* text = null;
            var length = (int)BIO_ctrl(bio, BioControlInfo, 0, (nint)(&text)); // BIO_get_mem_data
            return length > 0 ? System.Text.Encoding.ASCII.GetString(text, length) : ""; // RFC 2253 as OpenSSL writes it escapes all beyond ASCII
        }
        finally
        {
            BIO_free(bio);
        }
    }

    /// <summary>Takes all of this thread's queued errors and returns the last, which the outermost call left: its number of reason and its sentence; 0 and null without one.</summary>
    public static (int Reason, string? Text) TakeError()
    {
        var last = 0UL;
        while (ERR_get_error() is var next and not 0) last = next; // one left behind would be blamed on the next connection of this thread
        if (last == 0) return (0, null);
        return ((int)(last & 0x7FFFFF), Marshal.PtrToStringUTF8(ERR_reason_error_string(last)) ?? $"OpenSSL error {last:x}");
    }

    /// <summary>struct tm.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct BrokenDownTime
    {
        public int Second, Minute, Hour, Day, Month, Year, WeekDay, YearDay, DaylightSaving;
        public nint OffsetSeconds;
        public nint Zone;
    }
}
