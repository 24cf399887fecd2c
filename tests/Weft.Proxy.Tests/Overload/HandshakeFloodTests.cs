using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Overload;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Hosting;
using Weft.Proxy.Tests.Security;
using Xunit;

namespace Weft.Proxy.Tests.Overload;

/// <summary>Connections to a TLS listener that never say hello.</summary>
public sealed class HandshakeFloodTests
{
    [Fact]
    public async Task The_oldest_handshakes_make_room_and_a_client_that_means_it_gets_through()
    {
        var issued = new TestAuthority().Issue("a");
        using var proxy = await RunningProxy.StartAsync(Bootstraps.WithKeys(issued.ChainPem, issued.KeyPem, issued.ChainPem, issued.KeyPem), "--max-handshakes", "50");
        var address = await proxy.ListenerAsync("tls");
        var flood = new List<Socket>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(address, TestContext.Current.CancellationToken);
                flood.Add(socket);
            }
            using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
            using var answer = await http.GetAsync(new Uri($"https://{address}/"), TestContext.Current.CancellationToken);
            ((int)answer.StatusCode).ShouldBe(200);
            (await proxy.MetricAsync("weft_overload_refused_total{limit=\"handshakes\"}")).ShouldBeGreaterThanOrEqualTo(150);
            (await proxy.MetricAsync("weft_accepted_connections")).ShouldBeLessThanOrEqualTo(52);
        }
        finally
        {
            foreach (var socket in flood) socket.Dispose();
        }
    }
}
