using Weft.Proxy.Transport;
using Weft.Routing.Listeners;

namespace Weft.Proxy.Detection;

/// <summary>Limits of the detection.</summary>
internal sealed record DetectorSettings
{
    /// <summary>How long the client has to send enough to tell. Default 15 s (Envoy's listener_filters_timeout).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <param name="listener">Null for one that is gone.</param>
    public static DetectorSettings Of(Listener? listener)
    {
        var settings = new DetectorSettings();
        if (listener is null) return settings;
        // Nobody needs an hour to begin; a timer must have some end.
        return settings with { Timeout = listener.DetectionTimeout == System.Threading.Timeout.InfiniteTimeSpan ? TimeSpan.FromHours(1) : listener.DetectionTimeout };
    }

    /// <summary>After the timeout go on as raw_buffer instead of closing (Envoy's continue_on_listener_filters_timeout): right where servers speak first. Default false.</summary>
    public bool ContinueOnTimeout { get; init; }

    /// <summary>The longest ClientHello in bytes, record headers counted. Default 16 KiB, at most 16 KiB.</summary>
    public int MaxClientHelloBytes { get; init; } = 16 << 10;
}

/// <summary>What a connection turned out to be, in the words of a filter chain match.</summary>
internal readonly ref struct Detected
{
    public const string Tls = "tls";
    public const string RawBuffer = "raw_buffer";

    /// <summary><see cref="Tls"/> or <see cref="RawBuffer"/>.</summary>
    public required string TransportProtocol { get; init; }

    /// <summary>SNI in lower case, or an empty string.</summary>
    public string ServerName { get; init; }

    public IReadOnlyList<string> ApplicationProtocols { get; init; }

    /// <summary>On <see cref="RawBuffer"/> what has arrived so far (at least one byte, unless <see cref="TimedOut"/>); not consumed; valid within the call.</summary>
    public ReadOnlySpan<byte> FirstBytes { get; init; }

    public bool TimedOut { get; init; }
}

/// <summary>Receives the result, always on the socket's worker.</summary>
internal interface IDetectionHandler
{
    /// <summary>Plaintext is told further: HTTP by its version, as Envoy's http_inspector does, from everything else.</summary>
    bool InspectsHttp => false;

    /// <summary>Decide: <see cref="AcceptedSocket.Plain"/>, <see cref="AcceptedSocket.Tls"/> or <see cref="AcceptedSocket.Close"/>. Nothing was consumed.</summary>
    void OnDetected(AcceptedSocket socket, in Detected detected);

    /// <summary>Nothing can come of it, and it is closed.</summary>
    /// <param name="reason">One line: "closed before its first byte", "detection timed out after 15000 ms (DetectorSettings.Timeout)".</param>
    void OnUndetected(AcceptedSocket socket, string reason);
}

/// <summary>
/// Tells TLS from plaintext on accepted sockets by peeking. Holds no state per socket: where more bytes are needed the kernel is told how many (SO_RCVLOWAT) and keeps silent until
/// then, so a hello that comes byte by byte costs two looks, not one per byte. A listener with one filter chain for everything needs none of this.
/// </summary>
internal sealed class Detector(DetectorSettings settings, IDetectionHandler handler) : IPeekHandler
{
    /// <summary>Goes on in the handler, never from inside this call.</summary>
    public void Start(AcceptedSocket socket) => socket.StartPeeking(this, settings.Timeout);

    void IPeekHandler.OnPeekReady(AcceptedSocket socket)
    {
        var scratch = socket.Worker.Scratch.AsSpan();
        var count = socket.Peek(scratch);
        if (count == -1) return;
        if (count <= 0)
        {
            Close(socket, count == 0 ? "closed before its first byte" : "reset before it was known what it is");
            return;
        }
        var bytes = scratch[..count];
        switch (ClientHelloPeek.Inspect(bytes, out var hello, out var needed))
        {
            case PeekVerdict.ClientHello:
                socket.WakeAt(1);
                handler.OnDetected(socket, new Detected
                {
                    TransportProtocol = Detected.Tls,
                    ServerName = hello!.ServerName,
                    ApplicationProtocols = hello.ApplicationProtocols,
                });
                break;
            case PeekVerdict.NotTls:
                OnPlaintext(socket, bytes, isAll: socket.PeerEnded || count == scratch.Length);
                break;
            default:
                if (needed > Math.Min(settings.MaxClientHelloBytes, scratch.Length))
                    Close(socket, $"its ClientHello is longer than {settings.MaxClientHelloBytes} bytes (DetectorSettings.MaxClientHelloBytes)");
                else if (socket.PeerEnded) Close(socket, "closed within its ClientHello");
                else socket.WakeAt(needed);
                break;
        }
    }

    void IPeekHandler.OnPeekTimeout(AcceptedSocket socket)
    {
        var scratch = socket.Worker.Scratch.AsSpan();
        var count = socket.Peek(scratch);
        if (settings.ContinueOnTimeout && count is > 0 or -1) TellRaw(socket, scratch[..Math.Max(count, 0)], timedOut: true);
        else Close(socket, $"detection timed out after {settings.Timeout.TotalMilliseconds:0} ms (DetectorSettings.Timeout)");
    }

    private void OnPlaintext(AcceptedSocket socket, ReadOnlySpan<byte> bytes, bool isAll)
    {
        var protocol = handler.InspectsHttp ? ProtocolGuess.Of(bytes) : ClientProtocol.Bytes;
        if (protocol == ClientProtocol.NeedMore && !isAll) socket.WakeAt(bytes.Length + 1);
        else TellRaw(socket, bytes, timedOut: false, protocol);
    }

    private void TellRaw(AcceptedSocket socket, ReadOnlySpan<byte> bytes, bool timedOut, ClientProtocol protocol = ClientProtocol.Bytes)
    {
        socket.WakeAt(1);
        handler.OnDetected(socket, new Detected
        {
            TransportProtocol = Detected.RawBuffer,
            ServerName = "",
            ApplicationProtocols = ProtocolGuess.ApplicationProtocol(protocol) is { } name ? [name] : [],
            FirstBytes = bytes,
            TimedOut = timedOut,
        });
    }

    private void Close(AcceptedSocket socket, string reason)
    {
        socket.Close();
        handler.OnUndetected(socket, reason);
    }
}
