using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Istio.V1.Auth;
using Weft.Grpc;

namespace Weft.Identity;

/// <summary>The agent's three calls to the control plane. Each makes a connection of its own: they are rare, and so the certificate and the trust of
/// each are plain to see.</summary>
internal sealed class CertificateClient(Uri control, ControlVerifier verifier, IdentityAgentOptions options)
{
    private const int MaximumAnswerBytes = 256 * 1024; // a chain and some roots are 5 KB

    /// <summary>Joins: fetches the roots, keeps the one that the token pins, and asks with the token over a connection verified by it.</summary>
    public async Task<CertificateMaterial> JoinAsync(JoinToken token, CancellationToken cancel)
    {
        var root = await FetchPinnedRootAsync(token.RootPin, cancel);
        var call = Call().With(GrpcHeader.Authorization, $"Bearer {token.Text}");
        var material = await RequestAsync(new ControlTrust.Pinned(root), call, cancel);
        if (!material.Roots.Roots.Any(received => received.AsSpan().SequenceEqual(root)))
            throw new IdentityException("the control plane answered with roots among which the pinned one is not: it is misconfigured");
        return material;
    }

    /// <summary>Renews under the present certificate. The new one must carry the same identity.</summary>
    public async Task<CertificateMaterial> RenewAsync(CertificateMaterial current, CancellationToken cancel)
    {
        var material = await RequestAsync(new ControlTrust.Saved(current), Call(), cancel);
        return material.SpiffeId.Equals(current.SpiffeId)
            ? material
            : throw new IdentityException($"the control plane answered the renewal of {current.SpiffeId} with a certificate of {material.SpiffeId}");
    }

    private async Task<byte[]> FetchPinnedRootAsync(ReadOnlyMemory<byte> pin, CancellationToken cancel)
    {
        using var http = Connect(new ControlTrust.Nobody());
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(control, CertificateMethods.RootsPath))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var deadline = new CancellationTokenSource(options.AttemptTimeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        using var response = await http.SendAsync(request, either.Token);
        response.EnsureSuccessStatusCode();
        await response.Content.LoadIntoBufferAsync(MaximumAnswerBytes, either.Token);
        var certificates = CertificatePem.Read(await response.Content.ReadAsByteArrayAsync(either.Token), "answer of the control plane");
        var pinned = certificates.Select(certificate => certificate.RawData).FirstOrDefault(der => TrustBundle.Pin(der).AsSpan().SequenceEqual(pin.Span));
        certificates.ForEach(certificate => certificate.Dispose());
        return pinned ?? throw new IdentityException(
            $"the control plane at {control.Authority} does not have the root that the join token pins: it is another one, its root was replaced, or someone stands in between");
    }

    private async Task<CertificateMaterial> RequestAsync(ControlTrust trust, GrpcCallOptions call, CancellationToken cancel)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256); // a new key for each certificate: an old one that leaked is worth one lifetime
        using var http = Connect(trust);
        var client = new GrpcClient(http, control, new GrpcClientOptions { MaxMessageBytes = MaximumAnswerBytes, Time = options.Time });
        var request = new IstioCertificateRequest
        {
            Csr = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256).CreateSigningRequestPem(),
            ValidityDuration = (long)options.RequestedLifetime.TotalSeconds,
        };
        var response = await client.UnaryAsync(CertificateMethods.CreateCertificate, request, call, cancel);
        return Accept(response, key);
    }

    private CertificateMaterial Accept(IstioCertificateResponse response, ECDsa key)
    {
        if (response.CertChain.Count < 2) throw new IdentityException("the control plane answered without a root: a chain must hold the leaf first and the roots last");
        var chain = Encoding.UTF8.GetBytes(string.Join('\n', response.CertChain.SkipLast(1)));
        var keyPem = CertificatePem.WriteKey(key);
        try
        {
            var material = new CertificateMaterial(chain, keyPem, Encoding.UTF8.GetBytes(response.CertChain[^1]));
            RequireChain(material);
            return material;
        }
        finally { CryptographicOperations.ZeroMemory(keyPem); }
    }

    private void RequireChain(CertificateMaterial material)
    {
        var chain = CertificatePem.Read(material.ChainPem.Span, "certificate chain");
        // Our clock may be wrong, and the authority's word on validity is fresher: the chain is judged within the leaf's own life.
        var moment = SvidVerifier.MomentOfLife(options.Time.GetUtcNow().UtcDateTime, material.NotBefore.UtcDateTime, material.NotAfter.UtcDateTime);
        var good = SvidVerifier.ChainEndsIn(material.Roots, chain[0], chain.Skip(1), moment);
        chain.ForEach(certificate => certificate.Dispose());
        if (!good) throw new IdentityException("the control plane answered with a chain that does not end in the roots beside it");
    }

    private HttpMessageInvoker Connect(ControlTrust trust) =>
        new(ControlHandler.Create(() => trust, verifier, new GrpcTransportOptions { ConnectTimeout = options.AttemptTimeout }), disposeHandler: true);

    private GrpcCallOptions Call() => new() { Timeout = options.AttemptTimeout };
}
