using Shouldly;
using Weft.Proxy.Tests.Hosting;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

/// <summary>What the two sides of a byte connection are told when the proxy between them is killed.</summary>
public sealed class DeathTests
{
    [Fact]
    public async Task A_killed_proxy_is_a_reset_to_both_sides_and_never_the_end_of_what_was_sent()
    {
        using var server = new TcpServer();
        using var proxy = await RunningProxy.StartAsync($$"""
            static_resources:
              listeners:
              - name: bytes
                address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
                filter_chains:
                - filters:
                  - name: envoy.filters.network.tcp_proxy
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: bytes, cluster: backend }
              clusters:
              - name: backend
                type: STATIC
                connect_timeout: 5s
                load_assignment: { cluster_name: backend, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{server.Address.Port}} } } } } ] } ] }
            """);
        var address = await proxy.ListenerAsync("bytes");
        using var client = await TcpPeer.ConnectAsync(address);
        await client.SendAsync("half of a file");
        using var accepted = await server.AcceptAsync();
        (await accepted.ReadAsync(14)).ShouldBe("half of a file");
        await accepted.SendAsync("half of an answer");
        (await client.ReadAsync(17)).ShouldBe("half of an answer");

        // Who has ended well before is not touched by it.
        using var before = await TcpPeer.ConnectAsync(address);
        using var servedBefore = await server.AcceptAsync();
        before.End();
        (await servedBefore.ReadToEndAsync()).ShouldBe("");
        await servedBefore.SendAsync("all");
        servedBefore.End();
        (await before.ReadToEndAsync()).ShouldBe("all");

        proxy.Process.Kill();

        (await client.IsResetAsync(), await accepted.IsResetAsync()).ShouldBe((true, true));
    }
}
