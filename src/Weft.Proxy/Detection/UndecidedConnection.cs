using Weft.Proxy.Tcp;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Detection;

/// <summary>
/// A connection of which it is found out what it carries, by reading both of its sides: the endpoint of its bytes is dialled at once, the client is peeked at, and who speaks
/// first decides. So a client that waits for a greeting gets it as soon as the server sends it, and no byte of either side is held back longer than it takes to look at it.
/// </summary>
/// <remarks>
/// The client speaks: HTTP, TLS or bytes, as <see cref="ProtocolGuess"/> says. The server speaks: bytes, unless it is an HTTP/2 server that introduces itself. Nobody speaks within the
/// limit: bytes. What is remembered of the destination changes two things: where clients speak HTTP, nobody is dialled before the limit, and after it there is none; where the
/// server speaks first, a beginning that could become HTTP is not waited for.
/// </remarks>
internal sealed class UndecidedConnection : ITimerHandler, IByteConnectWaiter, IChannelHandler
{
    private enum Stage : byte
    {
        /// <summary>The client's first word may be on its way: nobody is dialled before it.</summary>
        Grace,
        Limit,

        /// <summary>The server has spoken, and a ClientHello may be on its way yet.</summary>
        Greeted,

        /// <summary>Whoever speaks, whenever.</summary>
        Unlimited,

        /// <summary>Bytes, which wait for their endpoint.</summary>
        Dialling,
        Decided,
    }

    private readonly DetectionContext _context;
    private readonly IUndecidedClient _client;
    private readonly UndecidedSettings _settings;
    private readonly TimerNode _timer;
    private readonly long _acceptedMicros;
    private readonly Verdict _remembered;
    private Stage _stage;
    private ByteServerConnection? _bytes;
    private bool _dialled;
    private bool _connected;
    private bool _helloBegan;
    private bool _limitOver; // a beginning is not waited for any longer
    private bool _wasSilent; // over the whole limit

    public UndecidedConnection(DetectionContext context, IUndecidedClient client, UndecidedSettings settings)
    {
        (_context, _client, _settings) = (context, client, settings);
        _timer = new TimerNode(this);
        _acceptedMicros = client.Worker.NowMicros;
        _remembered = settings.Http is null ? Verdict.ServerFirst : context.Memory.Find(settings.Destination);
    }

    private Worker Worker => _client.Worker;

    /// <summary>HTTP is still among what it may become.</summary>
    private bool MayBeHttp => _settings.Http is not null && !_wasSilent;

    /// <summary>What it carries is known; it may wait for its endpoint yet.</summary>
    public bool IsDecided => _stage >= Stage.Dialling;

    public void Start()
    {
        _stage = Stage.Grace;
        if (_settings is { ClientsSpeakHttp: true, Http: { } http } && _remembered == Verdict.Unknown) Schedule(http.Limit);
        else if (_settings.TakesTls) Schedule(_settings.HelloGrace);
        else EnterLimit();
        if (_client.IsOpen) _client.Watch(this, _settings.Timeout);
    }

    // ---- the client's side

    /// <summary>There is something new: bytes, the client's end, or that it broke.</summary>
    public void OnClient()
    {
        if (IsDecided) return;
        var scratch = Worker.Scratch.AsSpan();
        var count = _client.Peek(scratch);
        if (count == -1) return;
        if (count < -1) End();
        else if (count == 0) OnClientEnded();
        else Look(scratch[..count], isAll: _client.HasEnded || count == scratch.Length);
    }

    /// <summary>Both are silent, or a ClientHello began and did not end. A server that has not spoken by now does not speak first.</summary>
    public void OnClientTimeout()
    {
        if (IsDecided) return;
        if (_remembered == Verdict.Http && MayBeHttp) DecideHttp(ClientProtocol.Http11);
        else DecideBytes(Finding.Silence);
    }

    private void Look(ReadOnlySpan<byte> bytes, bool isAll)
    {
        var protocol = ProtocolGuess.Of(bytes);
        if (protocol == ClientProtocol.NeedMore)
        {
            var mayBeTls = _settings.TakesTls && bytes[0] == ClientHelloPeek.HandshakeRecord;
            _helloBegan = mayBeTls;
            if (!isAll && (mayBeTls || MayBeHttp && !_limitOver && _remembered != Verdict.ServerFirst)) return;
            protocol = MayBeHttp && ProtocolGuess.LooksLikeHttp(bytes) ? ClientProtocol.Http11 : ClientProtocol.Bytes;
        }
        if (protocol == ClientProtocol.Tls && _settings.TakesTls) DecideTls(bytes);
        else if (protocol.IsHttp() && MayBeHttp) DecideHttp(protocol);
        else DecideBytes(Finding.ClientBytes);
    }

    /// <summary>It has said nothing and will not; what it can still do is to listen.</summary>
    private void OnClientEnded()
    {
        if (_remembered == Verdict.Http) End();
        else DecideBytes(Finding.Gone);
    }

    // ---- the server's side

    public void OnBytesConnected()
    {
        _connected = true;
        if (_stage == Stage.Dialling) HandOver();
        else _bytes!.Upstream.Handler = this;
    }

    /// <inheritdoc/>
    /// <remarks>A client that speaks HTTP will be told so in its own language.</remarks>
    public void OnBytesRefused(Fault fault, string detail)
    {
        _bytes = null;
        if (_stage == Stage.Dialling) _client.Abort();
        else OnServerGone();
    }

    public void OnReadable(Channel channel)
    {
        if (IsDecided) return;
        var scratch = Worker.Scratch.AsSpan();
        switch (((SocketChannel)channel).Peek(scratch, out var count))
        {
            case IoStatus.Ok:
                OnServerSpeaks(scratch[..count]);
                break;
            case IoStatus.EndOfStream:
                DecideBytes(Finding.Gone);
                break;
            case IoStatus.Failed:
                OnFailed(channel);
                break;
        }
    }

    private void OnServerSpeaks(ReadOnlySpan<byte> bytes)
    {
        if (MayBeHttp && ServerGreeting.IsHttp2(bytes))
        {
            Worker.Timers.Cancel(_timer); // its client will say what it wants
            _stage = Stage.Unlimited;
            return;
        }
        var holdMs = HoldMs();
        if (_helloBegan || holdMs > 0)
        {
            _stage = Stage.Greeted;
            Worker.Timers.Schedule(_timer, Math.Max(1, holdMs));
        }
        else DecideServerFirst();
    }

    /// <summary>For how long the server's greeting is to be held back yet.</summary>
    private long HoldMs() => _settings.TlsPeer is not { } peer || _context.Peers.WaitsForGreetings(peer) ? 0
        : (long)_settings.GreetingHold.TotalMilliseconds - (Worker.NowMicros - _acceptedMicros) / 1000;

    public void OnFailed(Channel channel)
    {
        if (IsDecided) return; // whoever has the channel now finds out
        Abandon();
        OnServerGone();
    }

    private void OnServerGone()
    {
        if (!MayBeHttp) End();
        else if (_stage == Stage.Unlimited) DecideHttp(ClientProtocol.Http11);
    }

    /// <remarks>Nothing is written, and its opening is told by <see cref="OnBytesConnected"/>.</remarks>
    public void OnWritable(Channel channel) { }

    public void OnOpen(Channel channel) { }

    // ---- time

    public void OnTimer(TimerNode node)
    {
        if (!_client.IsOpen) End();
        else if (_stage == Stage.Grace) EnterLimit();
        else if (_stage == Stage.Greeted) OnHeld();
        else if (_remembered == Verdict.Http)
        {
            // Clients of this destination speak HTTP, and this one takes its time. Should the server be one that speaks first after all, nobody waits longer than this.
            _stage = Stage.Unlimited;
            Dial();
        }
        else
        {
            _limitOver = true;
            OnClient(); // what has come and could not be told is told now
            if (!IsDecided) OnSilence();
        }
    }

    /// <remarks>A hello that has begun decides when it is whole, or when the listener's time for it is over.</remarks>
    private void OnHeld()
    {
        OnClient();
        if (IsDecided || _helloBegan) return;
        if (_settings.TlsPeer is { } peer) _context.Peers.WaitedForGreeting(peer);
        DecideServerFirst();
    }

    private void EnterLimit()
    {
        _stage = Stage.Limit;
        if (_settings.Http is { } http) Schedule(http.Limit);
        if (_remembered != Verdict.Http) Dial();
    }

    /// <summary>The connection carries bytes, of TLS perhaps: where that may come it is still told apart, which costs nobody anything while both are silent.</summary>
    private void OnSilence()
    {
        if (_dialled && _bytes is null) End();
        else if (_settings.TakesTls) _wasSilent = true;
        else DecideBytes(Finding.Silence);
    }

    private void Schedule(TimeSpan time) => Worker.Timers.Schedule(_timer, (long)time.TotalMilliseconds);

    // ---- verdicts

    private void Dial()
    {
        if (_dialled) return;
        _dialled = true;
        _bytes = _client.AsBytes();
        if (_bytes is null) Decided();
        else _bytes.DialFor(this);
    }

    private void DecideHttp(ClientProtocol protocol)
    {
        Found(Finding.Http);
        _context.Memory.Observe(_settings.Destination, Verdict.Http, _settings.Http!.Remember);
        var asBytes = _bytes?.Connection;
        Abandon();
        _client.OnHttp(protocol, asBytes);
    }

    private void DecideServerFirst()
    {
        if (_settings.Http is { } http) _context.Memory.Observe(_settings.Destination, Verdict.ServerFirst, http.Remember);
        DecideBytes(Finding.ServerFirst);
    }

    private void DecideTls(ReadOnlySpan<byte> bytes)
    {
        if (_settings.TlsPeer is { } peer) _context.Peers.SpokeTls(peer);
        ClientHelloPeek.Inspect(bytes, out var hello, out _);
        if (_bytes is not null && _client.IsForBytes(hello!))
        {
            DecideBytes(Finding.Tls);
            return;
        }
        Found(Finding.Tls);
        Abandon();
        _client.OnTls(hello!);
    }

    private void DecideBytes(Finding finding)
    {
        Found(finding);
        _stage = Stage.Dialling;
        if (_connected) HandOver();
        else if (!_dialled) Dial();
        else if (_bytes is null) _client.Abort(); // it was dialled in vain
    }

    private void HandOver()
    {
        _stage = Stage.Decided;
        _client.OnBytes(_bytes!);
    }

    /// <summary>Ends it now, whatever it waits for.</summary>
    public void Break()
    {
        if (!IsDecided)
        {
            End();
            return;
        }
        var bytes = _bytes;
        _bytes = null;
        bytes?.Cancel();
        _client.Abort();
    }

    /// <summary>Nothing comes of it.</summary>
    private void End()
    {
        Found(Finding.Gone);
        Abandon();
        if (_client.IsOpen) _client.Abort();
    }

    private void Found(Finding finding)
    {
        Decided();
        _context.Metrics.Found(finding, Worker.NowMicros - _acceptedMicros);
    }

    private void Decided()
    {
        _stage = Stage.Decided;
        Worker.Timers.Cancel(_timer);
    }

    private void Abandon()
    {
        var bytes = _bytes;
        _bytes = null;
        _connected = false;
        bytes?.Abandon();
    }
}
