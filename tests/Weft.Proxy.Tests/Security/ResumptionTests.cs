using Shouldly;
using Weft.Proxy.Security;
using Weft.TestSupport;
using Weft.Proxy.Transport;
using Xunit;

namespace Weft.Proxy.Tests.Security;

public sealed class ResumptionTests
{
    [Fact]
    public void A_second_connection_resumes_and_keeps_both_identities()
    {
        using var pair = new TlsPair();
        var tls = pair.Client();
        for (var i = 0; i < 4; i++)
        {
            var client = pair.Connect(tls);
            pair.Exchange(client);
            var peer = client.Opened.Peer!;
            (peer.Resumed, peer.SpiffeId, peer.Alpn).ShouldBe((i > 0, pair.Authority.IdOf("server"), "weft-h1"));
            var shown = pair.Accepted[i].Peer!;
            (shown.Resumed, shown.SpiffeId, shown.ServerName).ShouldBe((i > 0, pair.Authority.IdOf("client"), "80.server.default.weft"));
            pair.Host.On(client.Opened.Close);
        }
    }

    [Fact]
    public void Another_server_name_or_endpoint_does_not_share_a_session()
    {
        using var pair = new TlsPair();
        var tls = pair.Client();
        pair.Exchange(pair.Connect(tls));
        pair.Connect(tls, "other").Opened.Peer!.Resumed.ShouldBeFalse();
    }

    [Fact]
    public void A_new_server_context_accepts_no_old_ticket()
    {
        using var pair = new TlsPair();
        var tls = pair.Client();
        pair.Exchange(pair.Connect(tls));
        pair.Server = new ServerTls(
            new ServerTlsSettings { Certificate = pair.Authority.Issue("server").Load(), ClientRoots = pair.Authority.Roots, Alpn = ["weft-h1"] }, TimeProvider.System);
        var client = pair.Connect(tls);
        pair.Exchange(client);
        client.Opened.Peer!.Resumed.ShouldBeFalse();
        client.ReceivedText.ShouldBe("hello");
    }

    [Fact]
    public void A_resumed_peer_is_still_held_to_the_expectation_and_to_its_expiry()
    {
        var clock = new ManualTime(DateTimeOffset.UtcNow);
        using var pair = new TlsPair(serverTime: clock);
        var tls = pair.Client();
        pair.Exchange(pair.Connect(tls));
        var wrong = pair.Connect(tls.Expecting(PeerExpectation.Id("spiffe://weft.local/other"))).Failed;
        wrong.Failure.ShouldBe(ChannelFailure.TlsIdentity);

        pair.Exchange(pair.Connect(tls)); // OpenSSL forgets a session whose connection ended without close_notify
        clock.Advance(TimeSpan.FromHours(2));
        var late = pair.Connect(tls);
        late.Ended.ShouldBe(IoStatus.Failed);
        pair.Accepted[3].Channel!.FailureText.ShouldBe("peer spiffe://weft.local/ns/default/sa/client resumed with a certificate that has expired");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Either_side_can_do_without(bool server)
    {
        using var pair = new TlsPair(server: s => server ? s with { SessionLifetime = TimeSpan.Zero } : s);
        var tls = pair.Client(c => server ? c : c with { MaxSessions = 0 });
        for (var i = 0; i < 2; i++)
        {
            var client = pair.Connect(tls);
            pair.Exchange(client);
            client.Opened.Peer!.Resumed.ShouldBeFalse();
        }
    }

    [Fact]
    public void Old_contexts_live_as_long_as_their_connections()
    {
        using var pair = new TlsPair();
        var client = pair.Connect(pair.Client());
        pair.Exchange(client);
        pair.Server = new ServerTls(new ServerTlsSettings { Certificate = pair.Authority.Issue("server").Load() }, TimeProvider.System);
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        pair.Exchange(client, " again");
        client.ReceivedText.ShouldBe("hello again");
    }
}
