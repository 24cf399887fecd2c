using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shouldly;
using Weft.Identity.Tests.Support;
using Weft.TestSupport;
using Xunit;

namespace Weft.Identity.Tests.Trust;

/// <summary>One handshake fault at a time, and the name that each gets.</summary>
public sealed class SvidVerifierTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly ECDsa _rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;

    public SvidVerifierTests() => _root = Root(_rootKey, "CN=root");

    [Fact]
    public void Good_leaf_is_accepted_in_both_roles()
    {
        foreach (var role in Enum.GetValues<PeerRole>())
        {
            var verdict = Verify(new ForgedCertificate(), role);
            verdict.Failure.ShouldBe(SvidFailure.None);
            verdict.Id.ShouldBe(Requests.Web);
        }
    }

    [Fact]
    public void Each_fault_of_a_leaf_has_its_name()
    {
        var cases = new (string Why, ForgedCertificate Leaf, SvidFailure Expected)[]
        {
            ("no name", new() { Uris = [] }, SvidFailure.UriCount),
            ("two URIs", new() { Uris = [Requests.Web.Text, "spiffe://weft.local/ns/default/sa/bank"] }, SvidFailure.UriCount),
            ("two names of which one is no SPIFFE ID", new() { Uris = [Requests.Web.Text, "https://bank.example/"] }, SvidFailure.UriCount),
            ("two extensions", new() { TwoNameExtensions = true }, SvidFailure.Malformed),
            ("truncated extension", new() { RawNames = "30058603" }, SvidFailure.Malformed),
            ("https", new() { Uris = ["https://weft.local/ns/default/sa/web"] }, SvidFailure.NotSpiffeId),
            ("trust domain only", new() { RawNames = "30158613" + Convert.ToHexString("spiffe://weft.local"u8) }, SvidFailure.NoPath),
            ("authority", new() { IsAuthority = true }, SvidFailure.IsAuthority),
            ("no key usage", new() { KeyUsage = null }, SvidFailure.KeyUsage),
            ("key usage not critical", new() { KeyUsageCritical = false }, SvidFailure.KeyUsage),
            ("no digital signature", new() { KeyUsage = X509KeyUsageFlags.KeyAgreement }, SvidFailure.KeyUsage),
            ("certificate sign", new() { KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign }, SvidFailure.KeyUsage),
            ("CRL sign", new() { KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.CrlSign }, SvidFailure.KeyUsage),
            ("server only", new() { ExtendedKeyUsage = ["1.3.6.1.5.5.7.3.1"] }, SvidFailure.ExtendedKeyUsage),
            ("other domain", new() { Uris = ["spiffe://other.example/ns/default/sa/web"] }, SvidFailure.UnknownTrustDomain),
            ("later", new() { Start = TimeSpan.FromSeconds(1) }, SvidFailure.NotYetValid),
            ("ended", new() { End = TimeSpan.FromSeconds(-1) }, SvidFailure.Expired),
        };
        foreach (var (why, leaf, expected) in cases) Verify(leaf, PeerRole.Client).Failure.ShouldBe(expected, why);
        Verify(new ForgedCertificate { ExtendedKeyUsage = [] }, PeerRole.Client).Failure.ShouldBe(SvidFailure.None, "an absent extension restricts nothing");
        new SvidVerifier(_time).Verify(null, [], Bundles(), PeerRole.Client).Failure.ShouldBe(SvidFailure.NoCertificate);
    }

    [Fact]
    public void Same_identity_under_another_root_is_refused_even_when_that_root_is_sent_along()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        foreach (var subject in new[] { "CN=other", "CN=root" })
        {
            using var other = Root(key, subject);
            using var leaf = new ForgedCertificate().Sign(other, key, _time.GetUtcNow());
            new SvidVerifier(_time).Verify(leaf, [other], Bundles(), PeerRole.Client).Failure.ShouldBe(SvidFailure.Untrusted);
        }
    }

    [Fact]
    public void Bundle_of_one_domain_does_not_vouch_for_another()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var federatedRoot = Root(key, "CN=federated");
        var bundles = Bundles().With(new TrustBundle(TrustDomain.Parse("other.example"), [federatedRoot.RawData]));
        using var forged = new ForgedCertificate().Sign(federatedRoot, key, _time.GetUtcNow()); // weft.local, signed by other.example's root
        using var honest = new ForgedCertificate { Uris = ["spiffe://other.example/a"] }.Sign(federatedRoot, key, _time.GetUtcNow());
        var verifier = new SvidVerifier(_time);
        verifier.Verify(forged, [], bundles, PeerRole.Client).Failure.ShouldBe(SvidFailure.Untrusted);
        verifier.Verify(honest, [], bundles, PeerRole.Client).IsAccepted.ShouldBeTrue();
        verifier.Verify(honest, [], bundles.Without(TrustDomain.Parse("other.example")), PeerRole.Client).Failure.ShouldBe(SvidFailure.UnknownTrustDomain);
    }

    [Fact]
    public void Empty_bundle_revokes_its_domain()
    {
        using var leaf = new ForgedCertificate().Sign(_root, _rootKey, _time.GetUtcNow());
        var revoked = Bundles().With(new TrustBundle(Requests.Domain, []));
        new SvidVerifier(_time).Verify(leaf, [], revoked, PeerRole.Client).Failure.ShouldBe(SvidFailure.Untrusted);
    }

    [Fact]
    public void Two_roots_during_a_rotation_both_vouch()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var next = Root(key, "CN=next");
        var bundles = new TrustBundleSet(new TrustBundle(Requests.Domain, [_root.RawData, next.RawData], sequence: 2));
        using var old = new ForgedCertificate().Sign(_root, _rootKey, _time.GetUtcNow());
        using var young = new ForgedCertificate().Sign(next, key, _time.GetUtcNow());
        foreach (var leaf in new[] { old, young }) new SvidVerifier(_time).Verify(leaf, [], bundles, PeerRole.Client).IsAccepted.ShouldBeTrue();
    }

    [Fact]
    public void Leaf_cannot_sign_a_leaf()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middle = new ForgedCertificate().Sign(_root, _rootKey, _time.GetUtcNow(), key, "CN=middle");
        using var leaf = new ForgedCertificate { Uris = ["spiffe://weft.local/ns/default/sa/bank"] }.Sign(middle, key, _time.GetUtcNow());
        new SvidVerifier(_time).Verify(leaf, [middle], Bundles(), PeerRole.Client).Failure.ShouldBe(SvidFailure.Untrusted);
    }

    [Fact]
    public void Validity_ends_with_its_last_second_and_grace_with_its_own()
    {
        using var leaf = new ForgedCertificate { End = TimeSpan.FromSeconds(20) }.Sign(_root, _rootKey, _time.GetUtcNow());
        var verifier = new SvidVerifier(_time);
        var grace = TimeSpan.FromDays(30);
        var tick = TimeSpan.FromTicks(1);
        _time.Advance(TimeSpan.FromSeconds(20) - tick);
        verifier.Verify(leaf, [], Bundles(), PeerRole.Client).IsAccepted.ShouldBeTrue();
        _time.Advance(tick);
        verifier.Verify(leaf, [], Bundles(), PeerRole.Client).Failure.ShouldBe(SvidFailure.Expired);
        verifier.Verify(leaf, [], Bundles(), PeerRole.Client, grace).IsAccepted.ShouldBeTrue();
        _time.Advance(grace - tick);
        verifier.Verify(leaf, [], Bundles(), PeerRole.Client, grace).IsAccepted.ShouldBeTrue();
        _time.Advance(tick);
        verifier.Verify(leaf, [], Bundles(), PeerRole.Client, grace).Failure.ShouldBe(SvidFailure.Expired);
    }

    [Fact]
    public void Every_failure_has_a_sentence()
    {
        foreach (var failure in Enum.GetValues<SvidFailure>()) failure.Describe().ShouldNotBeEmpty();
        foreach (var error in Enum.GetValues<SpiffeIdError>()) error.Describe().ShouldNotBeEmpty();
    }

    private SvidVerdict Verify(ForgedCertificate forged, PeerRole role)
    {
        using var leaf = forged.Sign(_root, _rootKey, _time.GetUtcNow());
        return new SvidVerifier(_time).Verify(leaf, [], Bundles(), role);
    }

    private TrustBundleSet Bundles() => new(new TrustBundle(Requests.Domain, [_root.RawData]));

    private X509Certificate2 Root(ECDsa key, string subject) => new ForgedCertificate
    {
        Uris = [], IsAuthority = true, KeyUsage = X509KeyUsageFlags.KeyCertSign, ExtendedKeyUsage = [], Start = TimeSpan.FromDays(-1), End = TimeSpan.FromDays(365),
    }.Sign(null, key, _time.GetUtcNow(), key, subject);

    public void Dispose()
    {
        _root.Dispose();
        _rootKey.Dispose();
    }
}
