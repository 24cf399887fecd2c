using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Weft.Identity;

/// <summary>Weft's own certificate authority: a root, and an issuing certificate under it that signs the workloads' leaves. Thread-safe.</summary>
/// <remarks>
/// Four files of mode 0600: <c>root.pem</c>, <c>root-key.pem</c>, <c>issuer.pem</c>, <c>issuer-key.pem</c>. They are made together on the first start, or not at all.
/// A missing or damaged one is refused by name: a new root made quietly would cut every proxy off at its next renewal, far from the cause.
/// The issuing pair renews itself at half of its life, when something is next signed: no timer, so nothing to forget.
/// </remarks>
public sealed class CertificateAuthority : IDisposable
{
    private const string RootFile = "root.pem";
    private const string RootKeyFile = "root-key.pem";
    private const string IssuerFile = "issuer.pem";
    private const string IssuerKeyFile = "issuer-key.pem";

    private readonly Lock _lock = new(); // guards _issuer, and signing: a native key object is not for two threads
    private readonly PrivateFileSet _files;
    private readonly CertificateAuthorityOptions _options;
    private readonly TimeProvider _time;
    private readonly SigningPair _root;
    private SigningPair _issuer;

    private CertificateAuthority(
        PrivateFileSet files, TrustDomain trustDomain, CertificateAuthorityOptions options, TimeProvider time, SigningPair root, SigningPair issuer)
    {
        (_files, _options, _time, _root, _issuer) = (files, options, time, root, issuer);
        TrustDomain = trustDomain;
        Bundle = new TrustBundle(trustDomain, [root.Certificate.RawData], sequence: 1);
        RootPin = TrustBundle.Pin(root.Certificate.RawData);
    }

    /// <summary>The domain whose identities this authority signs; no other.</summary>
    public TrustDomain TrustDomain { get; }

    /// <summary>The trusted roots.</summary>
    public TrustBundle Bundle { get; }

    /// <summary>SHA-256 of the root's DER: what join tokens carry. 32 bytes.</summary>
    public ReadOnlyMemory<byte> RootPin { get; }

    /// <summary>Loads the authority from a directory, or makes one there when the directory holds none.</summary>
    /// <exception cref="IdentityException">A file is missing, damaged, readable by others, or of another trust domain; or another process holds the directory.</exception>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public static CertificateAuthority OpenOrCreate(string directory, TrustDomain trustDomain, CertificateAuthorityOptions options, TimeProvider time) =>
        OpenOrCreate(directory, trustDomain, options, time, step: null);

    internal static CertificateAuthority OpenOrCreate(
        string directory, TrustDomain trustDomain, CertificateAuthorityOptions options, TimeProvider time, Action<string>? step)
    {
        options.Check();
        var files = new PrivateFileSet(directory, [RootFile, RootKeyFile, IssuerFile, IssuerKeyFile], step);
        try
        {
            var (root, issuer) = files.Read() is { } contents
                ? Load(files, contents, trustDomain)
                : Create(files, trustDomain, options, time.GetUtcNow());
            return new CertificateAuthority(files, trustDomain, options, time, root, issuer);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Signs a workload's leaf for the key of a checked request.</summary>
    /// <param name="id">The identity that the caller proved. It decides; what the request says about names does not.</param>
    /// <param name="request">The key.</param>
    /// <param name="requested">Wanted life from now on; null for the default. Bounded by the options and by the issuing certificate's end.</param>
    /// <exception cref="ArgumentException">The ID is of another trust domain or names a trust domain.</exception>
    /// <exception cref="IdentityException">The root has ended.</exception>
    public IssuedCertificate Issue(SpiffeId id, SigningRequest request, TimeSpan? requested) => Issue(id, request.PublicKey, [], requested);

    /// <summary>Makes a key and signs the control plane's own certificate, <c>spiffe://TD/weft/control</c> with host names beside it.</summary>
    /// <param name="hostNames">DNS names and IP addresses under which clients that check names call it.</param>
    /// <param name="requested">Wanted life; null for the default.</param>
    public CertificateMaterial IssueControlPlane(IReadOnlyList<string> hostNames, TimeSpan? requested = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = Issue(SpiffeId.ForControlPlane(TrustDomain), new PublicKey(key), hostNames, requested);
        var keyPem = CertificatePem.WriteKey(key);
        try
        {
            return new CertificateMaterial(
                Encoding.ASCII.GetBytes(string.Concat(issued.ChainPem[..^1])), keyPem, Encoding.ASCII.GetBytes(issued.ChainPem[^1]));
        }
        finally { CryptographicOperations.ZeroMemory(keyPem); }
    }

    private IssuedCertificate Issue(SpiffeId id, PublicKey publicKey, IReadOnlyList<string> hostNames, TimeSpan? requested)
    {
        if (!id.TrustDomain.Equals(TrustDomain)) throw new ArgumentException($"{id} is not in the trust domain {TrustDomain}", nameof(id));
        if (id.IsTrustDomain) throw new ArgumentException($"{id} names a trust domain: no leaf may carry it", nameof(id));
        lock (_lock)
        {
            var now = Seconds(_time.GetUtcNow());
            RenewIssuer(now);
            if (now < _issuer.NotBefore) throw new IdentityException($"the clock says {now:u}, which is before the issuing certificate's start at {_issuer.NotBefore:u}: set the clock");
            if (now >= _issuer.NotAfter) throw new IdentityException($"the issuing certificate ended at {_issuer.NotAfter:u} and could not be renewed");
            var life = Bound(requested ?? _options.DefaultLeafLifetime);
            var notBefore = Later(now - _options.Backdate, _issuer.NotBefore);
            var notAfter = Earlier(now + life, _issuer.NotAfter);
            using var leaf = _issuer.SignLeaf(publicKey, id, hostNames, notBefore, notAfter);
            var roots = Encoding.ASCII.GetString(Bundle.ToPem());
            return new IssuedCertificate(id, X509Svid.SerialNumber(leaf), notBefore, notAfter,
                [leaf.ExportCertificatePem() + "\n", _issuer.Certificate.ExportCertificatePem() + "\n", roots]);
        }
    }

    private TimeSpan Bound(TimeSpan wanted)
    {
        var bounded = wanted < _options.MaximumLeafLifetime ? wanted : _options.MaximumLeafLifetime;
        return bounded > _options.MinimumLeafLifetime ? bounded : _options.MinimumLeafLifetime;
    }

    private void RenewIssuer(DateTimeOffset now)
    {
        if (now < _issuer.NotBefore + ((_issuer.NotAfter - _issuer.NotBefore) / 2)) return;
        var notAfter = Earlier(now + _options.IssuerLifetime, _root.NotAfter);
        // Near the root's own end a new issuing certificate would end when the old one does: nothing is gained by making one for each leaf.
        if (notAfter <= _issuer.NotAfter || notAfter <= now) return;
        try
        {
            var next = _root.CreateIssuer(TrustDomain, Later(now - _options.Backdate, _root.NotBefore), notAfter);
            var (certificate, key) = next.Export();
            var contents = new Dictionary<string, byte[]> { [IssuerFile] = certificate, [IssuerKeyFile] = key };
            try
            {
                _files.Replace(contents);
            }
            finally { PrivateFileSet.ClearKeys(contents); }
            // The old pair is only dropped: leaves that it signed carry its certificate with them and stay valid.
            _issuer.Dispose();
            _issuer = next;
        }
        catch (IOException error)
        {
            // A full disk must not stop the mesh while the old issuing certificate is good for half a year.
            _options.Warn($"the issuing certificate could not be renewed and ends at {_issuer.NotAfter:u}: {error.Message}");
        }
    }

    private static (SigningPair Root, SigningPair Issuer) Create(
        PrivateFileSet files, TrustDomain trustDomain, CertificateAuthorityOptions options, DateTimeOffset time)
    {
        var now = Seconds(time);
        var root = SigningPair.CreateRoot(trustDomain, now - options.Backdate, now + options.RootLifetime);
        var issuer = root.CreateIssuer(trustDomain, now - options.Backdate, now + options.IssuerLifetime);
        var (rootPem, rootKey) = root.Export();
        var (issuerPem, issuerKey) = issuer.Export();
        var contents = new Dictionary<string, byte[]>
        {
            [RootFile] = rootPem, [RootKeyFile] = rootKey, [IssuerFile] = issuerPem, [IssuerKeyFile] = issuerKey,
        };
        try
        {
            files.Replace(contents);
        }
        finally { PrivateFileSet.ClearKeys(contents); }
        return (root, issuer);
    }

    private static (SigningPair Root, SigningPair Issuer) Load(PrivateFileSet files, Dictionary<string, byte[]> contents, TrustDomain trustDomain)
    {
        try
        {
            var root = SigningPair.Load(files.PathOf(RootFile), contents[RootFile], files.PathOf(RootKeyFile), contents[RootKeyFile]);
            var issuer = SigningPair.Load(files.PathOf(IssuerFile), contents[IssuerFile], files.PathOf(IssuerKeyFile), contents[IssuerKeyFile]);
            RequireAuthority(files.PathOf(RootFile), root.Certificate, trustDomain);
            RequireAuthority(files.PathOf(IssuerFile), issuer.Certificate, trustDomain);
            var bundle = new TrustBundle(trustDomain, [root.Certificate.RawData]);
            // As of its own start: an issuing certificate that has ended is not a damaged one, it is renewed.
            if (!SvidVerifier.ChainEndsIn(bundle, issuer.Certificate, [], issuer.NotBefore.UtcDateTime))
                throw new IdentityException($"{files.PathOf(IssuerFile)} is not signed by {files.PathOf(RootFile)}: restore both from one backup");
            return (root, issuer);
        }
        finally { PrivateFileSet.ClearKeys(contents); }
    }

    private static void RequireAuthority(string path, X509Certificate2 certificate, TrustDomain trustDomain)
    {
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().SingleOrDefault() is not { CertificateAuthority: true })
            throw new IdentityException($"{path} is no signing certificate (cA is not true)");
        var uris = certificate.Extensions[X509Svid.SubjectAlternativeNameOid] is { } names ? X509Svid.ReadUris(names.RawData) : [];
        if (uris is not [var uri] || uri != trustDomain.Id.Text)
            throw new IdentityException($"{path} is of {(uris is [var other] ? other : "no trust domain")}, not of {trustDomain.Id}: start with the trust domain that it was made for, or with another directory");
    }

    private static DateTimeOffset Seconds(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero);

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    /// <summary>Forgets the keys and releases the directory.</summary>
    public void Dispose()
    {
        _root.Dispose();
        _issuer.Dispose();
        _files.Dispose();
    }
}
