using Weft.Routing.ForwardProxy;
using Weft.Routing.Listeners;
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

    /// <summary>
    /// The protocol that the request asks to switch to, where the configuration allows it; empty when the request goes on as an ordinary one. Asked only while the
    /// request's head is held.
    /// </summary>
    public ReadOnlySpan<byte> UpgradeProtocol => _mayUpgrade ? _downstream.UpgradeProtocol : default;

    /// <summary>Both sides have agreed to switch protocols.</summary>
    public bool IsTunnel => _isTunnel;

    private void DecideUpgrade()
    {
        var protocol = _downstream.UpgradeProtocol;
        _mayUpgrade = !protocol.IsEmpty && UpgradePolicy.Allows(protocol, _action!.Upgrades, _connection.Chain.Http.Upgrades);
    }

    /// <summary>The workload switches to the protocol that it was asked for (<paramref name="head"/> has status 101).</summary>
    private void Switch(in ResponseHead head)
    {
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
    }

    /// <summary>
    /// CONNECT to a service of the mesh: what follows is treated as a connection to it that was intercepted. Its requests are routed, limited and recorded one by one, so that
    /// this one is not counted beside them.
    /// </summary>
    private void Connect()
    {
        _downstream.AcceptConnect();
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
