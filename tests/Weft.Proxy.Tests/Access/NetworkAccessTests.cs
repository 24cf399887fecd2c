using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Envoy.Config.Listener.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Xunit;
using NetworkRbac = Envoy.Extensions.Filters.Network.Rbac.V3.RBAC;

namespace Weft.Proxy.Tests.Access;

public sealed class NetworkAccessTests : IAsyncDisposable
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private static readonly Filter Http = ProxyUnderTest.HttpFilter(ProxyUnderTest.RouteAll());
    private static readonly Filter Bytes = new() { Name = "tcp", TypedConfig = Any.Pack(new TcpProxy { StatPrefix = "app", Cluster = "backend" }) };
    private static readonly Principal Loopback = new() { DirectRemoteIp = new() { AddressPrefix = "127.0.0.0", PrefixLen = 8 } };

    private readonly TestAuthority _authority = new();
    private readonly ProxyUnderTest _proxy = new() { Direction = Envoy.Config.Core.V3.TrafficDirection.Inbound };
    private readonly ScriptedBackend _web = ScriptedBackend.Answering(Ok);

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _web.DisposeAsync();
        _proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_denied_connection_is_reset_before_anything_is_served_or_dialled_and_the_policy_is_named()
    {
        foreach (var serves in new[] { Http, Bytes })
        {
            _proxy.Cluster("backend", [_web.Address]).ListenWith(Rules(RBAC.Types.Action.Deny, ("no-loopback", Loopback)), serves);
            await ShouldBeReset(async client => await client.SendAsync(Get));
        }
        _web.Connections.ShouldBe(0);
        Access("no-loopback", "denied").ShouldBe(2);
        _proxy.Requests().ShouldBeEmpty();
        var line = _proxy.Warnings.ShouldHaveSingleItem("the second is within ten seconds of the first");
        line.ShouldContain("by policy 'no-loopback'");
        line.ShouldContain("from 127.0.0.1 to " + _proxy.Address);
    }

    [Fact]
    public async Task A_permitted_connection_is_served_and_a_rule_that_nothing_matches_denies_under_the_name_none()
    {
        _proxy.Cluster("backend", [_web.Address]).ListenWith(Rules(RBAC.Types.Action.Allow, ("us", Loopback)), Http);
        using (var client = await RawClient.ConnectAsync(_proxy.Address))
        {
            await client.SendAsync(Get);
            (await client.ReadResponseAsync()).Status.ShouldBe(200);
        }
        Access("us", "allowed").ShouldBe(1);
        _proxy.ListenWith(Rules(RBAC.Types.Action.Allow), Http);
        await ShouldBeReset(_ => Task.CompletedTask);
        Access("none", "denied").ShouldBe(1);
    }

    [Fact]
    public async Task Shadow_rules_are_counted_and_told_and_deny_nobody()
    {
        _proxy.Cluster("backend", [_web.Address]).ListenWith(
            Pack(new NetworkRbac { StatPrefix = "s", ShadowRules = Rbac(RBAC.Types.Action.Deny, ("maybe", Loopback)), Rules = Rbac(RBAC.Types.Action.Log, ("watch", Loopback)) }), Http);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync(Get);
        (await client.ReadResponseAsync()).Status.ShouldBe(200);
        Access("maybe", "shadow_denied").ShouldBe(1);
        Access("watch", "logged").ShouldBe(1);
        _proxy.Warnings.ShouldHaveSingleItem().ShouldContain("would be denied");
    }

    [Theory]
    [InlineData("cart", true)]
    [InlineData("thief", false)]
    public async Task Identities_are_held_against_the_rules_after_the_handshake(string who, bool permitted)
    {
        var cart = new Principal { Authenticated = new() { PrincipalName = new StringMatcher { Exact = _authority.IdOf("cart") } } };
        _proxy.Cluster("backend", [_web.Address]).ListenWith(ServerTls(), Rules(RBAC.Types.Action.Allow, ("only-cart", cart)), Http);
        await using var tls = await HandshakeAsync(who);
        if (permitted)
        {
            await tls.WriteAsync(Encoding.ASCII.GetBytes(Get));
            (await tls.ReadAsync(new byte[100])).ShouldBeGreaterThan(0);
            Access("only-cart", "allowed").ShouldBe(1);
            return;
        }
        await Should.ThrowAsync<IOException>(async () =>
        {
            await tls.WriteAsync(Encoding.ASCII.GetBytes(Get));
            await tls.ReadExactlyAsync(new byte[1]);
        });
        Access("none", "denied").ShouldBe(1);
        _proxy.Warnings.ShouldHaveSingleItem().ShouldContain(_authority.IdOf("thief"));
        _web.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task Bytes_end_at_once_when_the_rule_that_let_them_in_is_withdrawn_and_not_when_it_is_sent_again()
    {
        await using var echo = Echo();
        _proxy.Cluster("backend", [echo.Address]).ListenWith(Rules(RBAC.Types.Action.Allow, ("us", Loopback)), Bytes);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync("ping");
        (await client.ReadAsync(4)).ShouldBe("ping");

        _proxy.ListenWith(Rules(RBAC.Types.Action.Allow, ("us", Loopback)), Bytes);
        _proxy.ListenWith(Rules(RBAC.Types.Action.Allow, ("us-by-another-name", Loopback)), Bytes);
        await client.SendAsync("pong");
        (await client.ReadAsync(4)).ShouldBe("pong");

        var clock = Stopwatch.StartNew();
        _proxy.ListenWith(Rules(RBAC.Types.Action.Allow), Bytes);
        await Should.ThrowAsync<SocketException>(async () => await client.ReadAsync(1));
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
        Access("none", "withdrawn").ShouldBe(1);
        Access("us", "allowed").ShouldBe(1, "an open connection is counted when it comes");
    }

    [Fact]
    public async Task Http_completes_what_it_has_begun_within_a_second_and_then_ends()
    {
        var release = new TaskCompletionSource();
        await using var slow = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is { } request)
            {
                if (request.StartsWith("GET /stuck", StringComparison.Ordinal)) await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
                if (request.StartsWith("GET /slow", StringComparison.Ordinal)) await release.Task;
                await c.SendAsync(Ok);
            }
        });
        _proxy.Cluster("backend", [slow.Address]).ListenWith(Rules(RBAC.Types.Action.Allow, ("us", Loopback)), Http);
        using var idle = await RawClient.ConnectAsync(_proxy.Address);
        using var busy = await RawClient.ConnectAsync(_proxy.Address);
        using var stuck = await RawClient.ConnectAsync(_proxy.Address);
        await idle.SendAsync(Get);
        (await idle.ReadResponseAsync()).Status.ShouldBe(200);
        await busy.SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        await stuck.SendAsync("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n");
        await Until(() => slow.Requests.Count == 3);

        _proxy.ListenWith(Rules(RBAC.Types.Action.Deny, ("nobody", Loopback)), Http);
        await Until(() => Access("nobody", "withdrawn") == 3);
        await idle.SendAsync(Get);
        var refused = await idle.ReadResponseAsync();
        (refused.Status, refused["x-weft-fault"], refused["connection"]).ShouldBe((403, "denied", "close"));
        release.SetResult();
        var completed = await busy.ReadResponseAsync();
        (completed.Status, completed["connection"]).ShouldBe((200, "close"));
        await Should.ThrowAsync<SocketException>(async () => await stuck.ReadAsync(1));
    }

    [Fact]
    public async Task An_http2_connection_is_told_to_go_and_ends_within_a_second()
    {
        _proxy.Cluster("backend", [_web.Address]).ListenWith(Rules(RBAC.Types.Action.Allow, ("us", Loopback)), Http);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await client.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        await client.ReadAsync(9);
        _proxy.ListenWith(Rules(RBAC.Types.Action.Allow), Http);
        var clock = Stopwatch.StartNew();
        var rest = "";
        try
        {
            while (true) rest += await client.ReadAsync(1);
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException) { }
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(8));
        rest.ShouldContain("\x07\0\0\0\0\0"); // GOAWAY on stream 0
    }

    [Fact]
    public async Task A_server_name_is_the_same_name_in_any_case()
    {
        var admin = new RBAC { Action = RBAC.Types.Action.Deny };
        admin.Policies["no-admin"] = new Policy { Permissions = { new Permission { RequestedServerName = new StringMatcher { Exact = "admin.example" } } }, Principals = { new Principal { Any = true } } };
        _proxy.Cluster("backend", [_web.Address]).ListenWith(ServerTls(), Pack(new NetworkRbac { StatPrefix = "test", Rules = admin }), Http);
        foreach (var name in new[] { "admin.example", "ADMIN.Example" })
        {
            await Should.ThrowAsync<IOException>(async () =>
            {
                await using var tls = await HandshakeAsync("cart", name);
                await tls.WriteAsync(Encoding.ASCII.GetBytes(Get));
                await tls.ReadExactlyAsync(new byte[1]);
            });
        }
        Access("no-admin", "denied").ShouldBe(2);
    }

    [Theory]
    [InlineData("PING\r\n")]
    [InlineData(Get)]
    public async Task Rules_that_change_while_a_client_is_silent_hold_once_it_speaks(string says)
    {
        var detect = new Filter { Name = "weft.v1.detect", TypedConfig = Any.Pack(new Weft.V1.Detect { Limit = Duration.FromTimeSpan(TimeSpan.FromSeconds(10)) }) };
        var heard = 0;
        await using var silent = new ScriptedBackend(async c =>
        {
            await c.ReadBytesAsync(says.Length);
            heard++;
            await c.ReadBytesAsync(1);
        });
        _proxy.Cluster("backend", [silent.Address]).ListenWith(Rules(RBAC.Types.Action.Allow, ("us", Loopback)), Http, Bytes, detect);
        using var client = await RawClient.ConnectAsync(_proxy.Address);
        await Until(() => silent.Connections == 1); // both are listened to

        _proxy.ListenWith(Rules(RBAC.Types.Action.Deny, ("nobody", Loopback)), Http, Bytes, detect);
        await client.SendAsync(says);
        await Should.ThrowAsync<SocketException>(async () => await client.ReadAsync(1));
        (Access("nobody", "denied") + Access("nobody", "withdrawn")).ShouldBe(1);
        heard.ShouldBe(0);
    }

    [Fact]
    public async Task A_flood_of_denials_is_counted_and_said_once()
    {
        _proxy.Cluster("backend", [_web.Address]).ListenWith(Rules(RBAC.Types.Action.Deny, ("no", Loopback)), Bytes);
        for (var i = 0; i < 40; i++) await ShouldBeReset(_ => Task.CompletedTask);
        Access("no", "denied").ShouldBe(40);
        _proxy.Warnings.ShouldHaveSingleItem();
    }

    private static ScriptedBackend Echo() => new(async c =>
    {
        while (true) await c.SendAsync(await c.ReadBytesAsync(4));
    });

    private static Filter Rules(RBAC.Types.Action action, params (string Name, Principal Who)[] policies) => Pack(new NetworkRbac { StatPrefix = "test", Rules = Rbac(action, policies) });

    private static RBAC Rbac(RBAC.Types.Action action, params (string Name, Principal Who)[] policies)
    {
        var rules = new RBAC { Action = action };
        foreach (var (name, who) in policies) rules.Policies[name] = new Policy { Permissions = { new Permission { Any = true } }, Principals = { who } };
        return rules;
    }

    private static Filter Pack(NetworkRbac rbac) => new() { Name = "rbac", TypedConfig = Any.Pack(rbac) };

    private ServerTls ServerTls() => new(new ServerTlsSettings { Certificate = _authority.Issue("server").Load(), ClientRoots = _authority.Roots, Alpn = ["weft-h1"] }, TimeProvider.System);

    private async Task<SslStream> HandshakeAsync(string who, string serverName = "server")
    {
        var certificate = _authority.Issue(who).ForDotNet();
        var socket = new TcpClient();
        await socket.ConnectAsync(_proxy.Address);
        var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = serverName, ClientCertificates = [certificate], RemoteCertificateValidationCallback = (_, _, _, _) => true, ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
        });
        return tls;
    }

    private async Task ShouldBeReset(Func<RawClient, Task> act)
    {
        await Should.ThrowAsync<SocketException>(async () =>
        {
            using var client = await RawClient.ConnectAsync(_proxy.Address); // the reset may be quicker
            await act(client);
            await client.ReadAsync(1);
        });
    }

    private double Access(string policy, string outcome)
    {
        var all = _proxy.Metrics.Instruments.Where(i => i.Name == "weft_network_access_total");
        return all.SingleOrDefault(i => i.Labels[0].Value == policy && i.Labels[1].Value == outcome)?.Read() ?? 0;
    }

    private static async Task Until(Func<bool> holds)
    {
        var clock = Stopwatch.StartNew();
        while (!holds())
        {
            clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
            await Task.Delay(5);
        }
    }
}
