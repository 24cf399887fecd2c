using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Xunit;

namespace Weft.Proxy.Tests.Transport;

public sealed class TlsChannelTests
{
    [Theory]
    [InlineData(4096)]
    [InlineData(null)]
    public async Task Large_transfers_echo_unchanged_to_a_dotnet_client(int? buffers)
    {
        using var pair = new TlsPair(options: new ListenOptions { SendBufferBytes = buffers, ReceiveBufferBytes = buffers });
        using var socket = PlainChannelTests.Connect(pair.Address);
        await using var tls = await DotNetClient(pair, socket);
        tls.NegotiatedApplicationProtocol.ToString().ShouldBe("weft-h1");
        tls.SslProtocol.ShouldBe(SslProtocols.Tls13);
        await Streams.ExchangeSlowly(tls, buffers is null ? 32 << 20 : 4 << 20, () => tls.ShutdownAsync().GetAwaiter().GetResult());
        pair.Host.Until(() => pair.Host.Worker.SocketCount == 1, "the channel is closed");
        pair.Host.On(() => pair.Host.Worker.Buffers.Rented).ShouldBe(0);
        pair.Accepted[0].Channel!.Failure.ShouldBe(ChannelFailure.None);
    }

    /// <summary>Our client against a .NET server, with writes that the socket cannot take at once and reads that hold back.</summary>
    [Fact]
    public async Task A_client_channel_talks_to_a_dotnet_server()
    {
        using var pair = new TlsPair();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = pair.Connect(pair.Client(), to: (IPEndPoint)listener.LocalEndpoint);
        using var socket = await listener.AcceptSocketAsync();
        await using var tls = new SslStream(new NetworkStream(socket), false);
        using var certificate = pair.Authority.Issue("server").ForDotNet();
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
        });
        var payload = new byte[3_000_000];
        new Random(9).NextBytes(payload);
        var sending = Task.Run(() =>
        {
            for (var at = 0; at < payload.Length;)
            {
                var from = at;
                at += pair.Host.On(() =>
                {
                    client.Opened.Write(payload.AsSpan(from, Math.Min(100, payload.Length - from)), payload.AsSpan(Math.Min(from + 100, payload.Length)), out var written)
                        .ShouldBeOneOf(IoStatus.Ok, IoStatus.WouldBlock);
                    return written;
                });
            }
            pair.Host.On(client.Opened.ShutdownWrite);
        });
        var got = new MemoryStream();
        await tls.CopyToAsync(got);
        await sending;
        got.ToArray().AsSpan().SequenceEqual(payload).ShouldBeTrue();
        await tls.WriteAsync("thanks"u8.ToArray());
        await tls.ShutdownAsync();
        client.Ended.ShouldBe(IoStatus.EndOfStream);
        client.ReceivedText.ShouldBe("thanks");
        pair.Host.On(client.Opened.Close);
    }

    /// <summary>What was answered as written is delivered although the channel is closed at once: the record that did not fit goes out before the end.</summary>
    [Fact]
    public async Task Closing_delivers_what_was_accepted()
    {
        using var host = new WorkerHost();
        var authority = new TestAuthority();
        var server = new ServerTls(new ServerTlsSettings { Certificate = authority.Issue("server").Load() }, TimeProvider.System);
        var sent = 0;
        var recorder = new Recorder(host)
        {
            Opening = channel =>
            {
                var chunk = new byte[50_000];
                IoStatus status;
                do
                {
                    status = channel.Write(chunk, out var written);
                    sent += written;
                }
                while (status == IoStatus.Ok);
                channel.Close();
            },
        };
        var listener = host.Listen(s => s.Tls(server, recorder, TlsPair.HandshakeTimeout), new ListenOptions { SendBufferBytes = 4096 });
        using var socket = PlainChannelTests.Connect(listener.Local);
        await using var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "x" });
        recorder.Opened.IsOpen.ShouldBeFalse();
        var got = new MemoryStream();
        await tls.CopyToAsync(got);
        sent.ShouldBeGreaterThan(16 << 10);
        got.Length.ShouldBe(sent);
        await tls.ShutdownAsync();
        socket.Shutdown(SocketShutdown.Send);
        host.Until(() => host.Worker.SocketCount == 1, "closed");
        host.On(() => host.Worker.Buffers.Rented).ShouldBe(0);
    }

    [Fact]
    public async Task An_end_without_close_notify_is_truncation()
    {
        using var pair = new TlsPair();
        using var socket = PlainChannelTests.Connect(pair.Address);
        await using var tls = await DotNetClient(pair, socket);
        await tls.WriteAsync("cut"u8.ToArray());
        (await tls.ReadAsync(new byte[3])).ShouldBe(3);
        socket.Shutdown(SocketShutdown.Send);
        pair.Host.Until(() => pair.Accepted[0].IsFinished, "the end is seen");
        var channel = pair.Accepted[0].Channel!;
        (channel.Failure, channel.FailureText).ShouldBe((ChannelFailure.Truncated, "connection closed without close_notify"));
    }

    [Fact]
    public void A_silent_client_ends_at_the_handshake_timeout()
    {
        using var pair = new TlsPair(handshakeTimeout: TimeSpan.FromMilliseconds(100));
        using var silent = PlainChannelTests.Connect(pair.Address);
        silent.Receive(new byte[1]).ShouldBe(0);
        var channel = pair.Accepted[0].Channel!;
        (channel.Failure, channel.FailureText).ShouldBe((ChannelFailure.TlsTimeout, "TLS handshake timed out"));
    }

    [Fact]
    public void A_silent_server_ends_at_the_connect_timeout()
    {
        using var pair = new TlsPair();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var recorder = new Recorder(pair.Host);
        pair.Host.On(() => pair.Host.Worker.Connect((IPEndPoint)listener.LocalEndpoint, pair.Client(), "x", TimeSpan.FromMilliseconds(150), recorder));
        recorder.Failed.Failure.ShouldBe(ChannelFailure.TlsTimeout);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http request")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0", "wrong version number")]
    [InlineData("", "connection closed in the TLS handshake")]
    public void What_is_no_tls_fails_the_handshake_in_words(string bytes, string text)
    {
        using var pair = new TlsPair();
        using var client = PlainChannelTests.Connect(pair.Address);
        client.Send(Encoding.ASCII.GetBytes(bytes));
        client.Shutdown(SocketShutdown.Send);
        pair.Host.Until(() => pair.Accepted.Count == 1 && pair.Accepted[0].IsFinished, "failed");
        var channel = pair.Accepted[0].Channel!;
        (channel.Failure, channel.FailureText).ShouldBe((ChannelFailure.TlsHandshake, text));
        pair.Host.Until(() => pair.Host.Worker.SocketCount == 1, "closed");
    }

    [Fact]
    public void Tls_1_2_needs_its_setting()
    {
        foreach (var allowed in new[] { false, true })
        {
            using var pair = new TlsPair(server: s => s with { AllowTls12 = allowed });
            using var socket = PlainChannelTests.Connect(pair.Address);
            using var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true);
            using var certificate = pair.Authority.Issue("client").ForDotNet();
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = "x",
                EnabledSslProtocols = SslProtocols.Tls12,
                ClientCertificates = [certificate],
            };
            if (!allowed)
            {
                Should.Throw<AuthenticationException>(() => tls.AuthenticateAsClient(options));
                continue;
            }
            tls.AuthenticateAsClient(options);
            tls.Write("old"u8);
            var into = new byte[3];
            tls.ReadExactly(into);
            Encoding.ASCII.GetString(into).ShouldBe("old");
            pair.Accepted[0].Peer!.SpiffeId.ShouldBe(pair.Authority.IdOf("client"));
        }
    }

    internal static async Task<SslStream> DotNetClient(TlsPair pair, System.Net.Sockets.Socket socket)
    {
        var tls = new SslStream(new NetworkStream(socket), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "80.server.default.weft",
            ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
            ClientCertificates = [pair.Authority.Issue("client").ForDotNet()],
        });
        return tls;
    }
}
