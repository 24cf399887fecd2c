using Weft.Proxy.Configuration;
using Weft.Proxy.Tcp;
using Weft.Routing.Tcp;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>
/// CONNECT to a service whose bytes are passed on unread. It is answered once there is a connection to be connected to: a client that is told 200 and then reset could not tell a service that is
/// not there from one that hangs up.
/// </content>
internal sealed partial class Exchange
{
    private ByteServerConnection? _bytes;
    private bool _connectsBytes; // what becomes of it is the record of a connection, and not of a request

    /// <param name="cluster">The destination where the route does not choose it.</param>
    private void ConnectBytes(ByteRoute route, BoundCluster? cluster = null)
    {
        _phase = Phase.Dialling;
        _connectsBytes = true;
        _bytes = new ByteServerConnection(_context, _downstream.ConnectInside(), route, cluster);
        _bytes.DialFor(this);
    }

    /// <inheritdoc/>
    public void OnBytesConnected()
    {
        var bytes = _bytes!;
        _bytes = null;
        _downstream.AcceptConnect(bytes);
        Finish();
    }

    /// <inheritdoc/>
    public void OnBytesRefused(Fault fault, string detail)
    {
        _bytes = null;
        Fail(fault, detail);
    }

    private void StopDialling()
    {
        var bytes = _bytes;
        _bytes = null;
        bytes?.Cancel();
    }
}
