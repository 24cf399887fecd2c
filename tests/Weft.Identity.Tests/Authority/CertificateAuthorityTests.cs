using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Shouldly;
using Weft.Identity.Tests.Support;
using Weft.TestSupport;
using Xunit;

namespace Weft.Identity.Tests.Authority;

public sealed class CertificateAuthorityTests
{
    private static readonly string[] Files = ["root.pem", "root-key.pem", "issuer.pem", "issuer-key.pem"];

    [Fact]
    public void Issued_chain_satisfies_openssl()
    {
        using var directory = new TemporaryDirectory();
        using var authority = Open(directory, TimeProvider.System);
        var issued = authority.Issue(Requests.Web, Requests.Parsed(), null);
        directory.Write("leaf", issued.ChainPem[0]);
        directory.Write("issuer", issued.ChainPem[1]);
        directory.Write("root", issued.ChainPem[2]);

        foreach (var purpose in new[] { "sslserver", "sslclient" })
            OpenSsl.Must("verify", "-x509_strict", "-purpose", purpose, "-CAfile", directory["root"], "-untrusted", directory["issuer"], directory["leaf"]).ShouldContain("OK");
        OpenSsl.Run("verify", "-CAfile", directory["root"], directory["leaf"]).Code.ShouldNotBe(0, "a leaf must need its issuing certificate");

        var leaf = OpenSsl.Must("x509", "-in", directory["leaf"], "-noout", "-text");
        leaf.ShouldContain("X509v3 Subject Alternative Name: critical\n                URI:spiffe://weft.local/ns/default/sa/web\n");
        leaf.ShouldContain("X509v3 Basic Constraints: critical\n                CA:FALSE");
        leaf.ShouldContain("X509v3 Key Usage: critical\n                Digital Signature\n");
        leaf.ShouldContain("TLS Web Server Authentication, TLS Web Client Authentication");

        var issuer = OpenSsl.Must("x509", "-in", directory["issuer"], "-noout", "-text");
        issuer.ShouldContain("CA:TRUE, pathlen:0");
        issuer.ShouldContain("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign");
        issuer.ShouldContain("URI:spiffe://weft.local\n");
        issuer.ShouldContain("X509v3 Name Constraints: critical");
        issuer.ShouldContain("prime256v1");

        OpenSsl.Must("x509", "-in", directory["root"], "-noout", "-text").ShouldContain("CA:TRUE, pathlen:1");
    }

    [Fact]
    public void Issuing_certificate_cannot_sign_for_another_domain()
    {
        using var directory = new TemporaryDirectory();
        Open(directory, TimeProvider.System).Dispose();
        directory.Write("ext", "subjectAltName=URI:spiffe://b.example/x\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature");
        OpenSsl.Must("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", directory["k"], "-subj", "/CN=x", "-out", directory["csr"]);
        OpenSsl.Must("x509", "-req", "-in", directory["csr"], "-CA", directory["issuer.pem"], "-CAkey", directory["issuer-key.pem"], "-set_serial", "1",
            "-extfile", directory["ext"], "-out", directory["leaf"]);
        OpenSsl.Run("verify", "-CAfile", directory["root.pem"], "-untrusted", directory["issuer.pem"], directory["leaf"]).Output.ShouldContain("permitted subtree violation");

        using var leaf = X509CertificateLoader.LoadCertificateFromFile(directory["leaf"]);
        using var issuer = X509CertificateLoader.LoadCertificateFromFile(directory["issuer.pem"]);
        var claimed = TrustBundle.FromPem(TrustDomain.Parse("b.example"), File.ReadAllBytes(directory["root.pem"]));
        new SvidVerifier(TimeProvider.System).Verify(leaf, [issuer], new TrustBundleSet(claimed), PeerRole.Client).Failure.ShouldBe(SvidFailure.Untrusted);
    }

    [Fact]
    public void Restart_keeps_root_and_issuer()
    {
        using var directory = new TemporaryDirectory();
        var time = new ManualTime();
        byte[] pin;
        string issuer;
        using (var authority = Open(directory, time))
        {
            pin = authority.RootPin.ToArray();
            issuer = authority.Issue(Requests.Web, Requests.Parsed(), null).ChainPem[1];
        }
        foreach (var file in Files) File.GetUnixFileMode(directory[file]).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
        using var again = Open(directory, time);
        again.RootPin.ToArray().ShouldBe(pin);
        again.Issue(Requests.Web, Requests.Parsed(), null).ChainPem[1].ShouldBe(issuer);
        pin.ShouldBe(SHA256.HashData(again.Bundle.Roots[0]));
    }

    [Fact]
    public void Damaged_or_missing_file_is_refused_by_name_and_nothing_is_made_anew()
    {
        foreach (var file in Files)
        {
            foreach (var damage in new Func<byte[], byte[]?>[] { _ => null, _ => [], content => content[..(content.Length / 2)], Flip })
            {
                using var directory = new TemporaryDirectory();
                Open(directory, new ManualTime()).Dispose();
                var damaged = damage(File.ReadAllBytes(directory[file]));
                if (damaged is null) File.Delete(directory[file]);
                else File.WriteAllBytes(directory[file], damaged);
                var before = Snapshot(directory);

                Should.Throw<IdentityException>(() => Open(directory, new ManualTime())).Message.ShouldContain(file);
                Snapshot(directory).ShouldBe(before);
            }
        }

        static byte[] Flip(byte[] content)
        {
            var copy = (byte[])content.Clone();
            copy[copy.Length / 2] = (byte)'*';
            return copy;
        }
    }

    [Fact]
    public void Key_of_another_authority_is_refused_by_name()
    {
        using var one = new TemporaryDirectory();
        using var other = new TemporaryDirectory();
        Open(one, new ManualTime()).Dispose();
        Open(other, new ManualTime()).Dispose();
        File.Copy(other["issuer-key.pem"], one["issuer-key.pem"], overwrite: true);
        Should.Throw<IdentityException>(() => Open(one, new ManualTime())).Message.ShouldContain("issuer-key.pem");
        File.Copy(other["issuer.pem"], one["issuer.pem"], overwrite: true);
        Should.Throw<IdentityException>(() => Open(one, new ManualTime())).Message.ShouldContain("not signed by");
    }

    [Fact]
    public void Other_trust_domain_is_refused()
    {
        using var directory = new TemporaryDirectory();
        Open(directory, new ManualTime()).Dispose();
        Should.Throw<IdentityException>(() => CertificateAuthority.OpenOrCreate(directory.Path, TrustDomain.Parse("other.example"), new(), new ManualTime()))
            .Message.ShouldContain("spiffe://weft.local");
    }

    [Fact]
    public void Kill_during_creation_leaves_none_or_all()
    {
        var steps = 0;
        using (var directory = new TemporaryDirectory())
            CertificateAuthority.OpenOrCreate(directory.Path, Requests.Domain, new(), new ManualTime(), _ => steps++).Dispose();
        for (var killAt = 1; killAt <= steps; killAt++)
        {
            using var directory = new TemporaryDirectory();
            var step = 0;
            Should.Throw<TimeoutException>(() => CertificateAuthority.OpenOrCreate(
                directory.Path, Requests.Domain, new(), new ManualTime(), _ => { if (++step == killAt) throw new TimeoutException(); }));
            using var authority = Open(directory, new ManualTime());
            authority.Issue(Requests.Web, Requests.Parsed(), null);
            foreach (var file in Files) File.Exists(directory[file]).ShouldBeTrue($"{file} after a kill at step {killAt}");
        }
    }

    [Theory]
    [InlineData(null, 86400)]
    [InlineData(3600, 3600)]
    [InlineData(864000, 86400)]
    [InlineData(1, 10)]
    public void Leaf_life_is_the_smallest_of_wish_and_bounds(int? requested, int expected)
    {
        using var directory = new TemporaryDirectory();
        var time = new ManualTime();
        using var authority = Open(directory, time);
        time.Advance(TimeSpan.FromHours(1));
        var issued = authority.Issue(Requests.Web, Requests.Parsed(), requested is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
        (issued.NotAfter - time.GetUtcNow()).ShouldBe(TimeSpan.FromSeconds(expected));
        issued.NotBefore.ShouldBe(time.GetUtcNow() - TimeSpan.FromMinutes(5));
    }

    [Fact]
    public void Leaf_never_outlives_its_issuer_near_the_end_of_the_root()
    {
        using var directory = new TemporaryDirectory();
        var time = new ManualTime();
        var options = new CertificateAuthorityOptions { RootLifetime = TimeSpan.FromDays(4), IssuerLifetime = TimeSpan.FromDays(3) };
        using var authority = CertificateAuthority.OpenOrCreate(directory.Path, Requests.Domain, options, time);
        var end = time.GetUtcNow() + TimeSpan.FromDays(4);
        time.Advance(TimeSpan.FromDays(2));
        authority.Issue(Requests.Web, Requests.Parsed(), null);
        time.Advance(TimeSpan.FromDays(1.5));
        authority.Issue(Requests.Web, Requests.Parsed(), null).NotAfter.ShouldBe(end);
        time.Advance(TimeSpan.FromDays(1));
        Should.Throw<IdentityException>(() => authority.Issue(Requests.Web, Requests.Parsed(), null)).Message.ShouldContain("ended");
    }

    [Fact]
    public void Issuer_renews_itself_at_half_of_its_life_and_old_leaves_stay_good()
    {
        using var directory = new TemporaryDirectory();
        var time = new ManualTime();
        var authority = Open(directory, time);
        var first = authority.Issue(Requests.Web, Requests.Parsed(), null);
        time.Advance(TimeSpan.FromDays(182));
        authority.Issue(Requests.Web, Requests.Parsed(), null).ChainPem[1].ShouldBe(first.ChainPem[1]);
        time.Advance(TimeSpan.FromDays(1));
        var old = authority.Issue(Requests.Web, Requests.Parsed(), null);
        old.ChainPem[1].ShouldNotBe(first.ChainPem[1]);
        old.ChainPem[2].ShouldBe(first.ChainPem[2]);

        authority.Dispose();
        using var again = Open(directory, time);
        var next = again.Issue(Requests.Web, Requests.Parsed(), null);
        next.ChainPem[1].ShouldBe(old.ChainPem[1]);
        foreach (var issued in new[] { old, next }) Accepts(again, issued, time).ShouldBeTrue();
    }

    [Fact]
    public void Issuer_that_ended_while_nobody_ran_is_replaced_at_the_next_signature()
    {
        using var directory = new TemporaryDirectory();
        var time = new ManualTime();
        Open(directory, time).Dispose();
        time.Advance(TimeSpan.FromDays(500));
        using var authority = Open(directory, time);
        Accepts(authority, authority.Issue(Requests.Web, Requests.Parsed(), null), time).ShouldBeTrue();
    }

    [Fact]
    public void Serial_numbers_are_random_and_long()
    {
        using var directory = new TemporaryDirectory();
        using var authority = Open(directory, new ManualTime());
        var request = Requests.Parsed();
        var serials = Enumerable.Range(0, 1000).Select(_ => authority.Issue(Requests.Web, request, null).SerialNumber).ToList();
        serials.Distinct().Count().ShouldBe(1000);
        serials.Average(serial => serial.Length).ShouldBeInRange(31, 32);
    }

    [Fact]
    public void Control_plane_certificate_carries_its_id_and_host_names()
    {
        using var directory = new TemporaryDirectory();
        using var authority = Open(directory, TimeProvider.System);
        var material = authority.IssueControlPlane(["localhost", "127.0.0.1", "::1"]);
        material.SpiffeId.Text.ShouldBe("spiffe://weft.local/weft/control");
        File.WriteAllBytes(directory["chain"], material.ChainPem.ToArray());
        var text = OpenSsl.Must("x509", "-in", directory["chain"], "-noout", "-ext", "subjectAltName");
        text.ShouldContain("URI:spiffe://weft.local/weft/control, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
        OpenSsl.Must("verify", "-verify_hostname", "localhost", "-CAfile", directory["root.pem"], "-untrusted", directory["issuer.pem"], directory["chain"]);
    }

    [Fact]
    public void Foreign_identity_is_never_signed()
    {
        using var directory = new TemporaryDirectory();
        using var authority = Open(directory, new ManualTime());
        Should.Throw<ArgumentException>(() => authority.Issue(SpiffeId.Parse("spiffe://other.example/ns/a/sa/b"), Requests.Parsed(), null));
        Should.Throw<ArgumentException>(() => authority.Issue(Requests.Domain.Id, Requests.Parsed(), null));
    }

    private static bool Accepts(CertificateAuthority authority, IssuedCertificate issued, TimeProvider time)
    {
        using var leaf = X509Certificate2.CreateFromPem(issued.ChainPem[0]);
        using var issuer = X509Certificate2.CreateFromPem(issued.ChainPem[1]);
        return new SvidVerifier(time).Verify(leaf, [issuer], new TrustBundleSet(authority.Bundle), PeerRole.Server).IsAccepted;
    }

    private static CertificateAuthority Open(TemporaryDirectory directory, TimeProvider time) =>
        CertificateAuthority.OpenOrCreate(directory.Path, Requests.Domain, new CertificateAuthorityOptions(), time);

    private static string Snapshot(TemporaryDirectory directory) =>
        string.Join('\n', Files.Where(file => File.Exists(directory[file])).Select(file => file + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(directory[file])))));
}
