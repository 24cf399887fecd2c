using Weft.Proxy.Pipelines;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Upstream;

/// <summary>Waits for a connection to one endpoint. Exactly one of the two is called, once, unless the waiter stops waiting first
/// (<see cref="ConnectionRequest.StopWaiting"/>).</summary>
internal interface IConnectionWaiter
{
    void OnConnection(UpstreamStream upstream);

    /// <summary>There will be none. <paramref name="detail"/> is a clause for people.</summary>
    void OnNoConnection(Fault fault, string detail);
}
