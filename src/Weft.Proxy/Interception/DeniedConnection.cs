using Weft.Proxy.Detection;
using Weft.Proxy.Listening;
using Weft.Proxy.Overload;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Listeners;

namespace Weft.Proxy.Interception;

/// <summary>An intercepted connection to a destination that a policy denies: whoever speaks HTTP is told why, by 403, and everybody else is reset.</summary>
/// <param name="grace">How long the client has to show what it speaks. A client of HTTP speaks at once; any other gets its reset now or then.</param>
internal sealed class DeniedConnection(WorkerContext context, AcceptedSocket socket, DownstreamConnection connection, Egress egress, TimeSpan grace) : IPeekHandler
{
    public void Start() => socket.StartPeeking(this, grace);

    public void OnPeekReady(AcceptedSocket accepted)
    {
        var scratch = accepted.Worker.Scratch.AsSpan();
        var count = accepted.Peek(scratch);
        if (count == -1) return;
        var protocol = count > 0 ? ProtocolGuess.Of(scratch[..count]) : ClientProtocol.Bytes;
        if (protocol == ClientProtocol.NeedMore && !accepted.PeerEnded) return;
        if (protocol.IsHttp()) accepted.Plain(new Http1ServerConnection(context, connection)); // each of its requests is denied
        else Deny();
    }

    public void OnPeekTimeout(AcceptedSocket accepted) => Deny();

    private void Deny()
    {
        context.Admission.Refusals.Add(RefusalReason.EgressDenied, connection.ListenerName, socket.Remote, egress.Denial(connection.Destination.ToString()));
        context.Admission.Refusals.CountDenial(egress.DeniedBy!);
        socket.Abort();
    }
}
