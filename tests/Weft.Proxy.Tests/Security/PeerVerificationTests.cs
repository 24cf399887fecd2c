using System.Security.Cryptography.X509Certificates;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Transport;
using Weft.Proxy.Transport;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Security;

public sealed class PeerVerificationTests
{
    [Fact]
    public void Both_sides_learn_identity_protocol_and_server_name()
    {
        using var pair = new TlsPair();
        var client = pair.Connect(pair.Client());
        pair.Exchange(client);
        client.ReceivedText.ShouldBe("hello");
        var seen = client.Opened.Peer!;
        (seen.SpiffeId, seen.Alpn, seen.Resumed).ShouldBe((pair.Authority.IdOf("server"), "weft-h1", false));
        seen.NotAfter!.Value.ShouldBe(DateTimeOffset.UtcNow.AddHours(2.5), TimeSpan.FromMinutes(1));
        var shown = pair.Accepted[0].Peer!;
        (shown.SpiffeId, shown.Alpn, shown.ServerName).ShouldBe((pair.Authority.IdOf("client"), "weft-h1", "80.server.default.weft"));
    }

    [Fact]
    public void A_server_with_another_identity_is_refused_by_name()
    {
        using var pair = new TlsPair();
        var tls = pair.Client().Expecting(PeerExpectation.Id(pair.Authority.IdOf("payments")));
        var failed = pair.Connect(tls).Failed;
        failed.Failure.ShouldBe(ChannelFailure.TlsIdentity);
        failed.FailureText.ShouldBe("peer is spiffe://weft.local/ns/default/sa/server but spiffe://weft.local/ns/default/sa/payments was expected");
    }

    [Fact]
    public void A_server_lets_in_whom_it_expects()
    {
        foreach (var (expected, isIn) in new[] { (PeerExpectation.Domain("weft.local"), true), (PeerExpectation.Domain("other"), false), (PeerExpectation.Id("spiffe://weft.local/x"), false) })
        {
            using var pair = new TlsPair(server: s => s with { Expected = expected });
            var client = pair.Connect(pair.Client());
            if (isIn) pair.Exchange(client);
            else client.Ended.ShouldBe(IoStatus.Failed);
            client.ReceivedText.ShouldBe(isIn ? "hello" : "");
            if (!isIn) pair.Accepted[0].Channel!.Failure.ShouldBe(ChannelFailure.TlsIdentity);
        }
    }

    [Fact]
    public void A_certificate_of_another_authority_is_refused_though_its_identity_is_right()
    {
        using var pair = new TlsPair();
        var imposter = new TestAuthority(rootName: "another root");
        var client = pair.Connect(pair.Client(c => c with { Certificate = imposter.Issue("client").Load() }));
        client.Ended.ShouldBe(IoStatus.Failed);
        client.Opened.Failure.ShouldBe(ChannelFailure.TlsHandshake);
        client.Opened.FailureText.ShouldBe("tlsv1 alert unknown ca");
        var server = pair.Accepted[0].Channel!;
        server.Failure.ShouldBe(ChannelFailure.TlsHandshake);
        server.FailureText.ShouldStartWith("certificate verify failed: ");
    }

    /// <summary>Each bundle vouches for its own trust domain only, however many are known.</summary>
    [Fact]
    public void Roots_of_one_trust_domain_vouch_for_no_other()
    {
        var (home, partner) = (new TestAuthority("weft.local"), new TestAuthority("partner.example"));
        var both = new TrustRoots([new("weft.local", home.RootPem), new("partner.example", partner.RootPem)]);
        using var pair = new TlsPair(home, s => s with { ClientRoots = both });

        var honest = pair.Connect(pair.Client(c => c with { Certificate = partner.Issue("caller").Load() }));
        pair.Exchange(honest);
        honest.ReceivedText.ShouldBe("hello");
        pair.Accepted[0].Peer!.SpiffeId.ShouldBe("spiffe://partner.example/ns/default/sa/caller");

        var crossed = partner.IssueUris(["spiffe://weft.local/ns/default/sa/client"]);
        var liar = pair.Connect(pair.Client(c => c with { Certificate = crossed.Load() }));
        liar.Ended.ShouldBe(IoStatus.Failed);
        pair.Accepted[1].Channel!.FailureText.ShouldStartWith("certificate verify failed: ");

        var stranger = new TestAuthority("stranger.example");
        var unknown = pair.Connect(pair.Client(c => c with { Certificate = stranger.Issue("x").Load() }));
        unknown.Ended.ShouldBe(IoStatus.Failed);
        pair.Accepted[2].Channel!.FailureText.ShouldBe(
            "no roots are known for trust domain stranger.example of peer spiffe://stranger.example/ns/default/sa/x");
    }

    [Fact]
    public void An_expired_certificate_and_one_of_tomorrow_are_told_apart()
    {
        using var pair = new TlsPair();
        var now = DateTimeOffset.UtcNow;
        var old = pair.Authority.Issue("client", r => (r.NotBefore, r.NotAfter) = (now.AddHours(-2), now.AddHours(-1))).Load();
        var early = pair.Authority.Issue("client", r => (r.NotBefore, r.NotAfter) = (now.AddHours(1), now.AddHours(2))).Load();
        // With a clock that is slow: by its own a client knows that its identity has ended, and does not show it.
        pair.Connect(pair.Client(c => c with { Certificate = old }, new ManualTime(now.AddMinutes(-90)))).Ended.ShouldBe(IoStatus.Failed);
        pair.Connect(pair.Client(c => c with { Certificate = early })).Ended.ShouldBe(IoStatus.Failed);
        pair.Accepted[0].Channel!.FailureText.ShouldBe("certificate verify failed: certificate has expired");
        pair.Accepted[1].Channel!.FailureText.ShouldBe("certificate verify failed: certificate is not yet valid");
    }

    [Fact]
    public void Expiry_is_judged_by_the_injected_clock()
    {
        using var pair = new TlsPair();
        var client = pair.Client(time: new ManualTime(DateTimeOffset.UtcNow.AddHours(3)));
        var failed = pair.Connect(client).Failed;
        (failed.Failure, failed.FailureText).ShouldBe((ChannelFailure.TlsHandshake, "certificate verify failed: certificate has expired"));
    }

    [Fact]
    public void A_certificate_that_is_no_workloads_is_refused()
    {
        using var pair = new TlsPair();
        var id = pair.Authority.IdOf("client");
        var cases = new (TestAuthority.Material Shown, string Why)[]
        {
            (pair.Authority.IssueUris([id, id + "2"]), "peer has no usable SPIFFE ID: 2 URI names where a SPIFFE certificate has one"),
            (pair.Authority.IssueUris([], r => r.DnsName = "client.example"), "peer has no usable SPIFFE ID: 0 URI names where a SPIFFE certificate has one"),
            (pair.Authority.IssueUris(["https://weft.local/ns/default/sa/client"]), "peer has no usable SPIFFE ID: its URI name https://weft.local/ns/default/sa/client is not a SPIFFE ID: "),
            (pair.Authority.IssueUris(["spiffe://weft.local"]), "peer has no usable SPIFFE ID: spiffe://weft.local names a trust domain and no workload"),
            (pair.Authority.Issue("client", r => (r.IsAuthority, r.KeyUsage) = (true, X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign)), $"peer {id} shows a signing certificate: it proves no workload"),
            (pair.Authority.Issue("client", r => r.KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.CrlSign), $"peer {id} shows a signing certificate: it proves no workload"),
        };
        for (var i = 0; i < cases.Length; i++)
        {
            var shown = cases[i].Shown.Load();
            var client = pair.Connect(pair.Client(c => c with { Certificate = shown }));
            client.Ended.ShouldBe(IoStatus.Failed, cases[i].Why);
            pair.Accepted[i].Channel!.FailureText.ShouldStartWith(cases[i].Why);
        }
    }

    [Fact]
    public void Roots_without_a_trust_domain_vouch_for_peers_without_an_identity()
    {
        using var pair = new TlsPair();
        var server = new ServerTlsSettings { Certificate = pair.Authority.IssueUris([], r => r.DnsName = "web.example").Load() };
        pair.Server = new ServerTls(server, TimeProvider.System);
        var open = pair.Connect(pair.Client(c => c with { ServerRoots = new TrustRoots(null, pair.Authority.RootPem), Expected = PeerExpectation.AnyVerified }));
        open.Opened.Peer!.SpiffeId.ShouldBeNull();
        open.Opened.Peer!.NotAfter.ShouldNotBeNull();
        var strict = pair.Connect(pair.Client(c => c with { ServerRoots = new TrustRoots(null, pair.Authority.RootPem) }));
        strict.Failed.FailureText.ShouldBe("peer is without a SPIFFE ID but spiffe://weft.local/ns/default/sa/server was expected");
    }

    [Fact]
    public void Who_verifies_nobody_believes_no_identity()
    {
        using var pair = new TlsPair();
        var client = pair.Connect(pair.Client(c => c with { ServerRoots = null, Expected = PeerExpectation.AnyVerified }));
        client.Opened.Peer!.SpiffeId.ShouldBeNull();
    }

    [Fact]
    public void A_client_without_a_certificate_is_refused_or_anonymous_as_the_setting_says()
    {
        using var pair = new TlsPair();
        var refused = pair.Connect(pair.Client(c => c with { Certificate = null }));
        refused.Ended.ShouldBe(IoStatus.Failed);
        refused.Opened.FailureText.ShouldBe("tlsv13 alert certificate required");
        refused.Opened.Failure.ShouldBe(ChannelFailure.TlsHandshake);

        pair.Server = new ServerTls(
            new ServerTlsSettings { Certificate = pair.Authority.Issue("server").Load(), ClientRoots = pair.Authority.Roots, RequireClientCertificate = false },
            TimeProvider.System);
        var anonymous = pair.Connect(pair.Client(c => c with { Certificate = null }));
        pair.Exchange(anonymous);
        pair.Accepted[1].Peer!.SpiffeId.ShouldBeNull();
    }

    [Fact]
    public void No_common_protocol_ends_in_the_alert_for_it()
    {
        using var pair = new TlsPair();
        var failed = pair.Connect(pair.Client(c => c with { Alpn = ["weft-h9"] })).Failed;
        failed.FailureText.ShouldBe("tlsv1 alert no application protocol");
    }
}
