using System.Text;
using Shouldly;
using Weft.Identity;
using Weft.Proxy.Configuration;
using Weft.Proxy.Tests.Security;
using Weft.Routing.Security;
using Xunit;

namespace Weft.Proxy.Tests.Configuration;

public sealed class TlsContextsTests
{
    private readonly TestAuthority _authority = new();
    private readonly TlsContexts _contexts = new(TimeProvider.System);

    private static readonly CommonTls Mesh = new()
    {
        Certificate = new CertificateSource("default", null), Validation = new ValidationSource("ROOTCA", new ValidationContext(null, [], ["weft.local"])), Alpn = ["weft-h1"], MinVersion = TlsVersion.Tls13,
    };

    private Secret Roots(byte[] pem) => new("ROOTCA", null, new ValidationContext(new DataSource(pem, null), [], []));

    private CertificateMaterial Identity()
    {
        var material = _authority.Issue("catalog");
        var end = material.ChainPem.IndexOf("-----END CERTIFICATE-----", StringComparison.Ordinal) + "-----END CERTIFICATE-----\n".Length;
        return new CertificateMaterial(Encoding.ASCII.GetBytes(material.ChainPem[..end]), Encoding.ASCII.GetBytes(material.KeyPem), _authority.RootPem);
    }

    [Fact]
    public void Without_its_secrets_there_is_no_context()
    {
        _contexts.For(new UpstreamTls(Mesh, "a")).ShouldBeNull();
        _contexts.For(new DownstreamTls(Mesh, true)).ShouldBeNull();
        TlsContexts.SecretsOf(Mesh).ShouldBe(["default", "ROOTCA"]);
    }

    [Fact]
    public void Equal_content_shares_one_context_whatever_the_server_name()
    {
        _contexts.SetIdentity(Identity());

        var first = _contexts.For(new UpstreamTls(Mesh, "80.a.default.weft"));
        first.ShouldNotBeNull();
        _contexts.For(new UpstreamTls(Mesh with { Alpn = ["weft-h1"] }, "80.b.default.weft")).ShouldBeSameAs(first);
        _contexts.For(new UpstreamTls(Mesh with { Alpn = ["weft-h2"] }, "80.a.default.weft")).ShouldNotBeSameAs(first);
        _contexts.For(new DownstreamTls(Mesh, true)).ShouldNotBeSameAs(_contexts.For(new DownstreamTls(Mesh, false)));
        _contexts.For(new DownstreamTls(Mesh, true)).ShouldNotBeSameAs(_contexts.For(new DownstreamTls(Mesh, true, Resumes: false)));
    }

    [Fact]
    public void Same_secret_sent_again_keeps_the_context_and_a_new_one_replaces_it()
    {
        _contexts.SetIdentity(Identity());
        _contexts.Set(Roots(_authority.RootPem)).ShouldBeNull();
        var first = _contexts.For(new UpstreamTls(Mesh, ""));

        _contexts.Set(Roots([.. _authority.RootPem])).ShouldBeNull();
        _contexts.For(new UpstreamTls(Mesh, "")).ShouldBeSameAs(first);

        _contexts.Set(Roots([.. _authority.RootPem, .. new TestAuthority(rootName: "next").RootPem])).ShouldBeNull();
        _contexts.For(new UpstreamTls(Mesh, "")).ShouldNotBeSameAs(first);
    }

    [Fact]
    public void New_generation_of_the_identity_makes_new_contexts_and_forgets_the_old()
    {
        _contexts.SetIdentity(Identity());
        var first = _contexts.For(new DownstreamTls(Mesh, true));
        _contexts.SetIdentity(Identity());

        _contexts.BeginRebind();
        var second = _contexts.For(new DownstreamTls(Mesh, true));
        _contexts.EndRebind();

        second.ShouldNotBeSameAs(first);
        _contexts.For(new DownstreamTls(Mesh, true)).ShouldBeSameAs(second);
    }

    [Fact]
    public void Own_certificate_comes_from_the_identity_and_never_over_the_wire()
    {
        _contexts.SetIdentity(Identity());
        var other = _authority.Issue("mallory");
        var secret = new Secret("default", new TlsCertificate(new DataSource(Encoding.ASCII.GetBytes(other.ChainPem), null), new DataSource(Encoding.ASCII.GetBytes(other.KeyPem), null)), null);

        _contexts.Set(secret).ShouldBe("the proxy's own certificate comes from its identity agent");
        _contexts.For(new DownstreamTls(Mesh, true))!.Certificate!.Uris.ShouldBe([_authority.IdOf("catalog")]);
    }

    [Fact]
    public void Broken_secret_is_refused_and_the_last_one_stays()
    {
        _contexts.SetIdentity(Identity());
        var before = _contexts.For(new UpstreamTls(Mesh, ""));

        _contexts.Set(Roots("not a certificate"u8.ToArray())).ShouldNotBeNull();
        _contexts.Set(new Secret("ROOTCA", null, new ValidationContext(new DataSource(null, "/no/such/file"), [], []))).ShouldBe("/no/such/file cannot be read: Could not find a part of the path '/no/such/file'.");
        _contexts.For(new UpstreamTls(Mesh, "")).ShouldBeSameAs(before);
    }

    [Fact]
    public void Verification_without_roots_is_an_error_and_not_trust_in_everybody() =>
        Should.Throw<Weft.Proxy.Security.TlsException>(() => _contexts.For(new UpstreamTls(new CommonTls { Validation = new ValidationSource(null, new ValidationContext(null, ["spiffe://a/b"], [])) }, "")))
            .Message.ShouldBe("the validation context has no trusted_ca to verify the peer with");

    [Fact]
    public void Material_in_files_is_read()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var material = _authority.Issue("a");
            File.WriteAllText(Path.Combine(folder.FullName, "c"), material.ChainPem);
            File.WriteAllText(Path.Combine(folder.FullName, "k"), material.KeyPem);
            var inline = new TlsCertificate(new DataSource(null, Path.Combine(folder.FullName, "c")), new DataSource(null, Path.Combine(folder.FullName, "k")));

            _contexts.For(new DownstreamTls(new CommonTls { Certificate = new CertificateSource(null, inline) }, false))!.Certificate!.Uris.ShouldBe([_authority.IdOf("a")]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
