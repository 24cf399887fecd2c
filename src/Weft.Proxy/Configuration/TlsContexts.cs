using Weft.Identity;
using Weft.Proxy.Security;
using Weft.Routing.Security;
using TlsCertificate = Weft.Proxy.Security.TlsCertificate;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Makes TLS contexts of settings and secrets, one per distinct content: a cluster that is sent again, or a thousand clusters with the
/// same settings, share one. Belongs to the configuration thread; the contexts themselves are for all workers.
/// </summary>
/// <remarks>A new secret makes new contexts for new connections. The old ones live as long as their connections.</remarks>
internal sealed class TlsContexts(TimeProvider time)
{
    /// <summary>The proxy's own certificate. With an identity agent it comes from there and from nowhere else.</summary>
    public const string OwnCertificate = "default";

    /// <summary>The bundle of the proxy's own trust domain.</summary>
    public const string OwnRoots = "ROOTCA";

    private readonly Dictionary<string, TlsCertificate> _certificates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _roots = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Secret> _secrets = new(StringComparer.Ordinal);
    private readonly Dictionary<Weft.Routing.Security.TlsCertificate, TlsCertificate> _inline = [];
    private readonly Dictionary<DataSource, ReadOnlyMemory<byte>> _inlineRoots = [];
    private Dictionary<Key, TlsContext> _contexts = [];
    private Dictionary<Key, TlsContext> _retired = [];
    private string? _trustDomain;

    /// <summary>What a context depends on. Certificates are compared as objects: the same secret content keeps its object.</summary>
    private sealed record Key(CommonTls Common, bool Server, bool RequireClient, bool Resumes, TlsCertificate? Certificate, ReadOnlyMemory<byte> Roots);

    /// <summary>True once an identity agent has given the proxy its own certificate.</summary>
    public bool HasIdentity => _trustDomain is not null;

    /// <summary>Whether a secret of this name is here.</summary>
    public bool Has(string name) => _certificates.ContainsKey(name) || _roots.ContainsKey(name);

    /// <summary>Loads a secret. Content that has not changed keeps its contexts.</summary>
    /// <returns>Null, or why it cannot be used; what was there before stays.</returns>
    public string? Set(Secret secret)
    {
        if (secret.Name == OwnCertificate && HasIdentity) return "the proxy's own certificate comes from its identity agent";
        if (_secrets.TryGetValue(secret.Name, out var known) && known == secret) return null;
        try
        {
            if (secret.Certificate is { } certificate) _certificates[secret.Name] = Load(certificate);
            else _roots[secret.Name] = CheckRoots(Read(secret.Validation!.TrustedRoots!));
            _secrets[secret.Name] = secret;
            return null;
        }
        catch (TlsException e)
        {
            return e.Message;
        }
    }

    public void Remove(string name)
    {
        if (name == OwnCertificate && HasIdentity) return;
        _secrets.Remove(name);
        _certificates.Remove(name);
        _roots.Remove(name);
    }

    /// <summary>A new generation of the proxy's own identity. Until the management server sends the bundle, the roots of joining serve.</summary>
    /// <exception cref="TlsException">OpenSSL refuses the material.</exception>
    public void SetIdentity(CertificateMaterial material)
    {
        _certificates[OwnCertificate] = TlsCertificate.Load(material.ChainPem.Span, material.CopyKeyPem());
        _trustDomain = material.SpiffeId.TrustDomain.Name;
        if (!_secrets.ContainsKey(OwnRoots)) _roots[OwnRoots] = material.RootsPem;
    }

    /// <summary>Names of the secrets that settings refer to.</summary>
    public static IEnumerable<string> SecretsOf(CommonTls? common)
    {
        if (common?.Certificate?.SecretName is { } certificate) yield return certificate;
        if (common?.Validation?.SecretName is { } validation) yield return validation;
    }

    /// <summary>The context for a filter chain; null while a secret is missing.</summary>
    /// <exception cref="TlsException">What is written in the settings themselves cannot be used.</exception>
    public ServerTls? For(DownstreamTls tls)
    {
        if (!TryResolve(tls.Common, out var certificate, out var roots) || certificate is null) return null;
        return (ServerTls)Find(new Key(tls.Common, Server: true, tls.RequireClientCertificate, tls.Resumes, certificate, roots), key => new ServerTls(
            new ServerTlsSettings
            {
                Certificate = certificate,
                ClientRoots = Trust(key),
                RequireClientCertificate = tls.RequireClientCertificate,
                Expected = Expected(tls.Common),
                Alpn = [.. tls.Common.Alpn],
                AllowTls12 = tls.Common.MinVersion == TlsVersion.Tls12,
                SessionLifetime = tls.Resumes ? ServerTlsSettings.DefaultSessionLifetime : TimeSpan.Zero,
            },
            time));
    }

    /// <summary>The context for a cluster's transport; null while a secret is missing.</summary>
    /// <exception cref="TlsException">What is written in the settings themselves cannot be used.</exception>
    public ClientTls? For(UpstreamTls tls)
    {
        if (!TryResolve(tls.Common, out var certificate, out var roots)) return null;
        return (ClientTls)Find(new Key(tls.Common, Server: false, RequireClient: false, Resumes: true, certificate, roots), key => new ClientTls(
            new ClientTlsSettings
            {
                Certificate = certificate,
                ServerRoots = Trust(key),
                Expected = Expected(tls.Common),
                Alpn = [.. tls.Common.Alpn],
                AllowTls12 = tls.Common.MinVersion == TlsVersion.Tls12,
            },
            time));
    }

    /// <summary>From here to <see cref="EndRebind"/> everything that uses TLS asks for its context again; what nobody asks for is forgotten.</summary>
    public void BeginRebind() => (_retired, _contexts) = (_contexts, []);

    public void EndRebind() => _retired = [];

    private TlsContext Find(Key key, Func<Key, TlsContext> create)
    {
        if (_contexts.TryGetValue(key, out var context)) return context;
        if (!_retired.TryGetValue(key, out context)) context = create(key);
        _contexts[key] = context;
        return context;
    }

    private bool TryResolve(CommonTls common, out TlsCertificate? certificate, out ReadOnlyMemory<byte> roots)
    {
        certificate = null;
        roots = default;
        if (common.Certificate is { } own)
        {
            certificate = own.Inline is not null ? Inline(own.Inline) : _certificates.GetValueOrDefault(own.SecretName!);
            if (certificate is null) return false;
        }
        if (common.Validation is { } validation)
        {
            if (validation.SecretName is { } name) return _roots.TryGetValue(name, out roots);
            if (validation.Inline!.TrustedRoots is { } inline) roots = InlineRoots(inline);
        }
        return true;
    }

    /// <summary>Verification was asked for: without roots of its own it must not become "believe everybody".</summary>
    private TrustRoots? Trust(Key key)
    {
        if (key.Common.Validation is null) return null;
        if (key.Roots.IsEmpty) throw new TlsException("the validation context has no trusted_ca to verify the peer with");
        // A bundle of a mesh vouches for its own trust domain only; roots of a hand-written configuration for whomever they have signed.
        return new TrustRoots(key.Common.Validation.SecretName == OwnRoots ? _trustDomain : null, key.Roots);
    }

    private static PeerExpectation Expected(CommonTls common) => common.Validation?.Inline is { } names
        ? new PeerExpectation { SpiffeIds = [.. names.SpiffeIds], TrustDomains = [.. names.TrustDomains] }
        : PeerExpectation.AnyVerified;

    private TlsCertificate Inline(Weft.Routing.Security.TlsCertificate certificate)
    {
        if (!_inline.TryGetValue(certificate, out var loaded)) _inline[certificate] = loaded = Load(certificate);
        return loaded;
    }

    private ReadOnlyMemory<byte> InlineRoots(DataSource source)
    {
        if (!_inlineRoots.TryGetValue(source, out var loaded)) _inlineRoots[source] = loaded = Read(source);
        return loaded;
    }

    private static TlsCertificate Load(Weft.Routing.Security.TlsCertificate certificate) =>
        TlsCertificate.Load(Read(certificate.Chain).Span, ReadKey(certificate.PrivateKey));

    /// <summary>An array of its own: loading overwrites it.</summary>
    private static byte[] ReadKey(DataSource source) => source.Inline is { } inline ? inline.ToArray() : ReadFile(source.FileName!);

    private static ReadOnlyMemory<byte> CheckRoots(ReadOnlyMemory<byte> pem)
    {
        _ = new TrustRoots(null, pem);
        return pem;
    }

    private static ReadOnlyMemory<byte> Read(DataSource source) => source.Inline ?? ReadFile(source.FileName!);

    private static byte[] ReadFile(string name)
    {
        try
        {
            return File.ReadAllBytes(name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TlsException($"{name} cannot be read: {e.Message}");
        }
    }
}
