using System.Net;
using Shouldly;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>What a forward proxy does with hosts that are not in the mesh.</summary>
public sealed class EgressTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static ProxyUnderTest Proxy(bool denied = false) => denied ? new ProxyUnderTest().ListenForward() : new ProxyUnderTest().ListenForward(egress: "\"egress\": \"ALLOW\"");

    [Fact]
    public async Task More_hosts_than_may_be_looked_up_at_one_time_are_refused_by_the_name_of_the_limit()
    {
        await using var proxy = new ProxyUnderTest(limits: new Weft.Proxy.Overload.OverloadSettings { MaxHostLookups = 0 }).ListenForward(egress: "\"egress\": \"ALLOW\"");
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync("CONNECT a.host.outside.test:443 HTTP/1.1\r\nHost: a.host.outside.test:443\r\n\r\n");

        var answer = await client.ReadResponseAsync();

        (answer.Status, answer["x-weft-fault"]).ShouldBe((503, "overloaded"));
        answer.Body.ShouldContain("--max-host-lookups");
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")] // the system's resolver
    public async Task A_connect_to_a_host_outside_becomes_bytes(string host)
    {
        await using var backend = new ScriptedBackend(async c => await c.SendAsync($"got {await c.ReadToEndAsync()}"));
        await using var proxy = Proxy();
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"CONNECT {host}:{backend.Address.Port} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        (await client.ReadResponseAsync(head: true)).Status.ShouldBe(200);
        await client.SendAsync("\u0016\u0003\u0001 anything");
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        (await client.ReadToEndAsync()).ShouldBe("got \u0016\u0003\u0001 anything");
        proxy.Connections().ShouldContain(c => c.Edge.Destination == "passthrough");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_request_in_absolute_form_goes_to_the_host_that_it_names()
    {
        await using var backend = ScriptedBackend.Answering(Ok);
        await using var proxy = Proxy();
        using var client = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"GET http://localhost:{backend.Address.Port}/a?b HTTP/1.1\r\nHost: x\r\n\r\n");
            (await client.ReadResponseAsync()).Body.ShouldBe("ok");
        }
        backend.Requests[0].ShouldStartWith("GET /a?b HTTP/1.1\r\n");
        backend.Requests[0].ShouldContain($"host: localhost:{backend.Address.Port}\r\n", Case.Insensitive);
        backend.Connections.ShouldBe(1); // kept for the next request
        proxy.Requests().ShouldContain(r => r.Key.Edge.Destination == "passthrough" && r.Count == 2);
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>Where Host points is not where a request goes: one that names the proxy itself would come back for ever.</summary>
    [Fact]
    public async Task A_request_in_origin_form_was_meant_for_a_service()
    {
        await using var proxy = Proxy();
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: {proxy.Address}\r\n\r\n");
        (await client.ReadResponseAsync())["x-weft-fault"].ShouldBe("no-route");
        await client.SendAsync($"GET http://{proxy.Address}/ HTTP/1.1\r\nHost: x\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(404); // its own answer to itself, and the end of it
    }

    [Theory]
    [InlineData("CONNECT a.nowhere.invalid:443 HTTP/1.1")]
    [InlineData("GET http://a.nowhere.invalid/ HTTP/1.1")]
    [InlineData("GET http://nowhere.invalid/ HTTP/1.1")] // could have been a service, and is known to be none
    public async Task A_name_that_is_neither_a_service_nor_a_host_has_no_route(string line)
    {
        await using var proxy = Proxy().Service("nowhere.invalid:80", null);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"{line}\r\nHost: nowhere.invalid\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        if (answer["x-weft-fault"] == "connect-timeout") return; // where no resolver answers, the limit comes first
        (answer.Status, answer["x-weft-fault"]).ShouldBe((404, "no-route"));
        answer.Body.ShouldContain("nowhere.invalid' is neither a service of the mesh nor a host with an address");
    }

    [Fact]
    public async Task A_client_that_goes_while_its_host_is_looked_up_leaves_nothing()
    {
        await using var proxy = Proxy();
        for (var i = 0; i < 20; i++)
        {
            using var client = await RawClient.ConnectAsync(proxy.Address);
            await client.SendAsync("GET http://localhost:1/ HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        using var last = await RawClient.ConnectAsync(proxy.Address);
        await last.SendAsync("GET http://localhost:1/ HTTP/1.1\r\nHost: x\r\n\r\n");
        (await last.ReadResponseAsync())["x-weft-fault"].ShouldBe("connect-failure");
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("CONNECT www.example.com:443 HTTP/1.1")]
    [InlineData("GET http://www.example.com/ HTTP/1.1")]
    public async Task Denied_egress_names_the_policy(string line)
    {
        await using var proxy = Proxy(denied: true);
        using var client = await RawClient.ConnectAsync(proxy.Address);
        await client.SendAsync($"{line}\r\nHost: www.example.com\r\n\r\n");
        var answer = await client.ReadResponseAsync();
        (answer.Status, answer["x-weft-fault"]).ShouldBe((403, "egress-denied"));
        answer.Body.ShouldContain("is not in the mesh, and 'Mesh default' denies egress");
        proxy.Metric("weft_egress_denied_total{policy=\"Mesh default\"}").ShouldBe(1);
        proxy.Requests().ShouldContain(r => r.Key.Fault == Fault.EgressDenied);
    }
}
