using System.Net;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Transport;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Tests.Security;

/// <summary>A TLS echo server and clients of it, both on one worker, with a certificate of one authority each.</summary>
internal sealed class TlsPair : IDisposable
{
    public static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(15);

    private readonly List<Echo> _echoes = [];
    private ServerTls _server;

    public TlsPair(
        TestAuthority? authority = null,
        Func<ServerTlsSettings, ServerTlsSettings>? server = null,
        TimeProvider? serverTime = null,
        ListenOptions? options = null,
        TimeSpan? handshakeTimeout = null)
    {
        Authority = authority ?? new TestAuthority();
        // It outlives the clients' on both sides, so that a test may turn a clock and still meet the peer's expiry before the server's own.
        var now = DateTimeOffset.UtcNow;
        var certificate = Authority.Issue("server", r => (r.NotBefore, r.NotAfter) = (now.AddHours(-3), now.AddHours(2.5))).Load();
        var settings = new ServerTlsSettings { Certificate = certificate, ClientRoots = Authority.Roots, Alpn = ["weft-h1"] };
        _server = new ServerTls(server?.Invoke(settings) ?? settings, serverTime ?? TimeProvider.System);
        Listener = Host.Listen(
            s =>
            {
                var echo = new Echo(Host.Worker.Buffers);
                _echoes.Add(echo);
                s.Tls(_server, echo, handshakeTimeout ?? HandshakeTimeout);
            },
            options);
    }

    public TestAuthority Authority { get; }

    public WorkerHost Host { get; } = new();

    public ListeningSocket Listener { get; }

    public IPEndPoint Address => Listener.Local;

    /// <summary>The handlers of the accepted connections so far.</summary>
    public IReadOnlyList<Echo> Accepted => Host.On(() => _echoes.ToList());

    public ServerTls Server
    {
        set => Host.On(() => _server = value);
    }

    public ClientTls Client(Func<ClientTlsSettings, ClientTlsSettings>? client = null, TimeProvider? time = null)
    {
        var settings = new ClientTlsSettings
        {
            Certificate = Authority.Issue("client").Load(),
            ServerRoots = Authority.Roots,
            Expected = PeerExpectation.Id(Authority.IdOf("server")),
            Alpn = ["weft-h1"],
        };
        return new ClientTls(client?.Invoke(settings) ?? settings, time ?? TimeProvider.System);
    }

    public Recorder Connect(ClientTls tls, string serverName = "80.server.default.weft", IPEndPoint? to = null)
    {
        var recorder = new Recorder(Host);
        Host.On(() => Host.Worker.Connect(to ?? Address, tls, serverName, HandshakeTimeout, recorder));
        return recorder;
    }

    /// <summary>Sends <paramref name="text"/> and waits for its echo.</summary>
    public void Exchange(Recorder client, string text = "hello")
    {
        var already = client.Received.Length;
        Host.On(() =>
        {
            client.Opened.Write(System.Text.Encoding.UTF8.GetBytes(text), out var written);
            return written;
        });
        Host.Until(() => client.Received.Length == already + text.Length || client.HasFailed || client.Opened.Failure != ChannelFailure.None, "the echo");
    }

    public void Dispose() => Host.Dispose();
}
