using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>Full handshakes one after the other, each connection dropped as soon as it stands. It pays nearly as much as the proxy does, so the bound is what others lose.</summary>
internal sealed class HandshakeFlood : Attack
{
    public override string Name => "handshake flood";

    public override string Sends => "full TLS handshakes, nothing else";

    public override async Task<AttackEnd> RunAsync(AttackTarget target)
    {
        var clock = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            var count = 0;
            while (clock.Elapsed < TimeSpan.FromSeconds(1))
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(target.TlsAddress);
                await using var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true);
                try
                {
                    await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "a", EnabledSslProtocols = SslProtocols.Tls13, AllowTlsResume = false });
                    count++;
                }
                catch (Exception e) when (e is AuthenticationException or IOException)
                {
                    // refused: as good
                }
            }
            return count;
        })));
        return new AttackEnd(true, $"{Number(counts.Sum())} handshakes in 1 s", "shakes hands");
    }
}
