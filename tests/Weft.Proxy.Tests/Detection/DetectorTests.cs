using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Detection;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Security;
using Weft.Proxy.Tests.Transport;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;
using Xunit;

namespace Weft.Proxy.Tests.Detection;

public sealed class DetectorTests : IDisposable
{
    private readonly WorkerHost _host = new();
    private readonly TestAuthority _authority = new();
    private readonly List<string> _seen = [];

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Plaintext_is_told_by_its_first_byte_and_nothing_is_consumed()
    {
        using var client = PlainChannelTests.Connect(Listen().Local);
        client.Send("G"u8);
        PlainChannelTests.ReadText(client, 1).ShouldBe("G");
        client.Send("ET"u8);
        PlainChannelTests.ReadText(client, 2).ShouldBe("ET");
        Seen().ShouldBe(["raw_buffer G"]);
    }

    [Fact]
    public async Task Tls_is_told_with_name_and_protocols_and_the_handshake_goes_on()
    {
        using var client = PlainChannelTests.Connect(Listen().Local);
        await using var tls = new SslStream(new NetworkStream(client), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "80.catalog.default.weft",
            ApplicationProtocols = [new SslApplicationProtocol("weft-h1")],
        });
        await Streams.ExchangeSlowly(tls, 1 << 20, () => tls.ShutdownAsync().GetAwaiter().GetResult());
        Seen().ShouldBe(["tls 80.catalog.default.weft weft-h1"]);
    }

    [Fact]
    public async Task A_hello_that_comes_byte_by_byte_wakes_the_worker_a_few_times_only()
    {
        var hello = await ClientHelloPeekTests.RealHello("slow.example", ["weft-h1"]);
        using var client = PlainChannelTests.Connect(Listen().Local);
        _host.Until(() => _host.Worker.SocketCount == 2, "accepted");
        var turns = _host.Worker.Turns;
        foreach (var b in hello)
        {
            client.Send([b]);
            await Task.Delay(1);
        }
        // SO_RCVLOWAT silences the kernel: a look at the first byte, one at the headers, one at the whole.
        (_host.Worker.Turns - turns).ShouldBeLessThan(15, $"of {hello.Length} bytes");
        _host.Until(() => _seen.Count == 1, "detected");
        Seen().ShouldBe(["tls slow.example weft-h1"]);
    }

    [Fact]
    public void A_whole_request_with_its_end_is_still_read_to_the_end()
    {
        for (var i = 0; i < 50; i++)
        {
            using var client = PlainChannelTests.Connect(Listen().Local);
            client.Send("whole"u8);
            client.Shutdown(SocketShutdown.Send);
            PlainChannelTests.ReadText(client, 5).ShouldBe("whole");
            client.Receive(new byte[1]).ShouldBe(0);
        }
    }

    [Fact]
    public void Silence_ends_at_the_timeout_or_goes_on_raw_as_the_setting_says()
    {
        using var silent = PlainChannelTests.Connect(Listen(new DetectorSettings { Timeout = TimeSpan.FromMilliseconds(50) }).Local);
        silent.Receive(new byte[1]).ShouldBe(0);
        Seen().ShouldBe(["- detection timed out after 50 ms (DetectorSettings.Timeout)"]);
        _seen.Clear();
        using var server = PlainChannelTests.Connect(Listen(new DetectorSettings { Timeout = TimeSpan.FromMilliseconds(50), ContinueOnTimeout = true }).Local);
        _host.Until(() => _seen.Count == 1, "detected");
        Seen().ShouldBe(["raw_buffer "]);
        server.Send("late"u8);
        PlainChannelTests.ReadText(server, 4).ShouldBe("late");
    }

    [Fact]
    public async Task Ends_resets_and_endless_hellos_close_in_words()
    {
        var hello = await ClientHelloPeekTests.RealHello("x.example", []);
        var listener = Listen();
        PlainChannelTests.Connect(listener.Local).Dispose();
        _host.Until(() => _seen.Count == 1, "end");
        using var cut = PlainChannelTests.Connect(listener.Local);
        cut.Send(hello.AsSpan(0, 50));
        cut.Shutdown(SocketShutdown.Send);
        _host.Until(() => _seen.Count == 2, "cut");
        using var endless = PlainChannelTests.Connect(listener.Local);
        byte[] header = [22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
        endless.Send([.. header, .. new byte[0x4000 - 4], .. header.AsSpan(0, 5).ToArray()]);
        _host.Until(() => _seen.Count == 3, "endless");
        Seen().ShouldBe([
            "- closed before its first byte",
            "- closed within its ClientHello",
            "- its ClientHello is longer than 16384 bytes (DetectorSettings.MaxClientHelloBytes)",
        ]);
        _host.Until(() => _host.Worker.SocketCount == 1, "closed");
    }

    private List<string> Seen() => _host.On(() => _seen.ToList());

    private ListeningSocket Listen(DetectorSettings? settings = null)
    {
        var server = new ServerTls(new ServerTlsSettings { Certificate = _authority.Issue("server").Load(), Alpn = ["weft-h1"] }, TimeProvider.System);
        var detector = new Detector(settings ?? new DetectorSettings(), new Handler(this, server));
        return _host.Listen(detector.Start);
    }

    private sealed class Handler(DetectorTests test, ServerTls server) : IDetectionHandler
    {
        public void OnDetected(AcceptedSocket socket, in Detected detected)
        {
            var echo = new Echo(socket.Worker.Buffers);
            if (detected.TransportProtocol == Detected.Tls)
            {
                test._seen.Add($"tls {detected.ServerName} {string.Join(",", detected.ApplicationProtocols)}");
                socket.Tls(server, echo, TlsPair.HandshakeTimeout);
                return;
            }
            test._seen.Add("raw_buffer " + Encoding.ASCII.GetString(detected.FirstBytes));
            socket.Plain(echo);
        }

        public void OnUndetected(AcceptedSocket socket, string reason) => test._seen.Add("- " + reason);
    }
}
