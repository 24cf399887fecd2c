using Weft.Proxy.Detection;
using Weft.Proxy.Tcp;
using Weft.Routing.ForwardProxy;
using Weft.Routing.Listeners;
using Weft.Routing.Requests;
using Weft.Routing.Routes;
using Weft.Routing.Upgrades;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>
/// Upgrades (RFC 9110 section 7.8): once the workload has agreed to switch protocols, the exchange carries bytes both ways until both sides have ended.
/// </content>
/// <remarks>
/// A tunnel is the same two flows as a request and its response, without framing and without an order between them: the body methods, backpressure and the byte
/// counts are those of any exchange. What differs is when it is over (each side ends for itself) and what limits it: silence, not the route's timeout.
/// </remarks>
internal sealed partial class Exchange
{
    private bool _mayUpgrade;
    private bool _isTunnel;
    private bool _responseComplete;
    private ulong _key1, _key2; // the WebSocket key that we made

    /// <summary>
    /// The protocol that the request asks to switch to, where the configuration allows it; empty when the request goes on as an ordinary one. Asked only while the
    /// request's head is held.
    /// </summary>
    public ReadOnlySpan<byte> UpgradeProtocol => _mayUpgrade ? _downstream.UpgradeProtocol : default;

    /// <summary>Both sides have agreed to switch protocols.</summary>
    public bool IsTunnel => _isTunnel;

    /// <summary>False: the request is nothing but a wish that is not granted, and has been answered so.</summary>
    private bool DecideUpgrade()
    {
        var protocol = _downstream.UpgradeProtocol;
        _mayUpgrade = !protocol.IsEmpty && UpgradePolicy.Allows(protocol, _action!.Upgrades, _connection.Chain.Http.Upgrades);
        if (_mayUpgrade || !_downstream.IsExtendedConnect) return true;
        Fail(Fault.BadRequest, $"'{Text(protocol)}' is not a protocol that may be switched to here", 501); // RFC 8441 section 5, RFC 9220 section 3
        return false;
    }

    /// <summary>The key for a workload that is asked over HTTP/1 on behalf of a client that had none to give.</summary>
    /// <param name="key"><see cref="WebSocketFields.KeyLength"/> bytes.</param>
    public void MakeWebSocketKey(Span<byte> key)
    {
        (_key1, _key2) = (_context.Chance.Next(), _context.Chance.Next() | 1); // 0, 0 says that none was made
        WebSocketFields.WriteKey(_key1, _key2, key);
    }

    private bool AnswersOurKey(in ResponseHead head)
    {
        if (_key2 == 0) return true;
        Span<byte> key = stackalloc byte[WebSocketFields.KeyLength], expected = stackalloc byte[WebSocketFields.AcceptLength];
        WebSocketFields.WriteKey(_key1, _key2, key);
        WebSocketFields.TryWriteAccept(key, expected);
        return WebSocketFields.TryFind(head.Buffer, head.Fields, KnownHeader.SecWebsocketAccept, out var accept) && accept.SequenceEqual(expected);
    }

    /// <summary>The workload switches to the protocol that it was asked for (<paramref name="head"/> has status 101).</summary>
    private void Switch(in ResponseHead head)
    {
        if (!AnswersOurKey(head))
        {
            Fail(Fault.UpstreamProtocol, $"endpoint {_endpoint} switched to WebSocket without the answer to our key (RFC 6455 section 4.1)");
            return;
        }
        _isTunnel = true;
        _requestComplete = false; // what the client sends from now on is the tunnel's
        if (!_downstream.WriteHead(head, this))
        {
            _isTunnel = false;
            Fail(Fault.UpstreamProtocol, $"the head of the response of {_endpoint} cannot be passed on");
            return;
        }
        _phase = Phase.Responding;
        _record.Status = head.Status;
        _record.FirstByteMicros = _context.Worker.NowMicros - _startedMicros;
        ScheduleTimer();
        _downstream.BeginTunnel();
        FlushUpstream(); // what the client had sent before
    }

    /// <summary>
    /// CONNECT to a service of the mesh: what follows is treated as a connection to it that was intercepted. Its requests are routed, limited and recorded one by one, so that
    /// this one is not counted beside them.
    /// </summary>
    private void Connect(RouteTable table)
    {
        if (table is { Bytes: { NeedsServerName: false, Any: { } bytes }, IsHttp: false })
        {
            ConnectBytes(bytes);
            return;
        }
        var limits = DetectorSettings.Of(_context.Config.Current.Listeners.Find(_connection.ListenerName)?.Listener);
        if (table.Bytes is { Any: null }) _downstream.AcceptConnect(new ServerNameConnection(_context, _downstream.ConnectInside(), table, limits));
        else if (table.Bytes is not null) _downstream.AcceptConnect(new UndecidedTunnel(_context, _downstream.ConnectInside(), table, limits));
        else _downstream.AcceptConnect();
        Finish(recorded: false);
    }

    /// <summary>
    /// The service that a request to the forward proxy is for: the one that its authority names. Behind a CONNECT the authority still decides, because it is what access rules and
    /// the workload see; the CONNECT fills in what it leaves open, the port where none is written and the whole name where it names no service (an address, a name of the
    /// application's own).
    /// </summary>
    private bool TryServiceKey(ReadOnlySpan<byte> authority, RouteSource.ForwardProxy forward, Span<byte> key, out int length) =>
        _connection.ConnectTarget is not { } target ? MeshName.TryWrite(authority, forward, key, out length)
            : MeshName.TryWrite(authority, forward, key, out length, target.Port) || MeshName.TryWrite(target.Authority, forward, key, out length);

    /// <summary>One side of a tunnel has ended. The other goes on until it ends too, or is silent for too long.</summary>
    private void TunnelSideEnded()
    {
        if (!_requestComplete || !_responseComplete || _phase != Phase.Responding || _upstream is { HasUnsent: true }) return;
        ReleaseUpstream(responseComplete: true, failed: false);
        Finish();
    }
}
