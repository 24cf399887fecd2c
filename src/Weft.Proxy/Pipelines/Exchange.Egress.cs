using System.Net;
using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Interception;
using Weft.Proxy.Upstream;
using Weft.Routing.Listeners;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Pipelines;

/// <content>
/// What a forward proxy is asked for outside of the mesh. Where that is allowed, a CONNECT becomes bytes to the host that it names, and a request in absolute form goes there as it is. Any other request was meant for
/// a service, and is told that there is none.
/// </content>
/// <remarks>A request in origin form is never sent where its <c>Host</c> points: one that names this proxy would come back for ever.</remarks>
internal sealed partial class Exchange : IHostWaiter
{
    private HostLookup? _lookup;
    private string _host = "";
    private int _port;

    /// <summary>The client has asked this proxy, and not whom it takes it for, to go somewhere.</summary>
    private bool KnowsProxy => (_downstream.IsConnect || _downstream.HasAbsoluteTarget) && _connection.ConnectTarget is null;

    private void LeaveMesh(RouteSource.ForwardProxy forward, ReadOnlySpan<byte> authority)
    {
        if (!KnowsProxy || !Authority.TryParse(authority, out var parts))
            Fail(Fault.NoRoute, $"'{Text(authority)}' is not the name of a service in the mesh (service, service.namespace or service.namespace.svc, and a port)");
        else if (forward.Egress.IsDenied) Deny(forward.Egress, $"'{Text(authority)}'");
        else
        {
            _host = Encoding.ASCII.GetString(parts.Host(authority)).Trim('[', ']');
            _port = parts.Port > 0 ? parts.Port : 80;
            if (IPAddress.TryParse(_host, out var address)) Leave([address]);
            else Resolve(forward.LookupTimeout);
        }
    }

    private void Resolve(TimeSpan limit)
    {
        _phase = Phase.AwaitingAddress;
        _context.Worker.Timers.Schedule(_timer, (long)limit.TotalMilliseconds);
        _lookup = HostLookup.TryStart(_context.Worker, _context.Admission, _host, this, out var most);
        if (_lookup is null) Fail(Fault.Overloaded, $"{most} host names are being looked up, and no more are at one time (--max-host-lookups)");
    }

    /// <inheritdoc/>
    public void OnHost(IPAddress[] addresses)
    {
        _lookup = null;
        _context.Worker.Timers.Cancel(_timer);
        try
        {
            if (addresses.Length == 0) Fail(Fault.NoRoute, $"'{_host}' is neither a service of the mesh nor a host with an address");
            else Leave(addresses);
        }
        catch (Exception e)
        {
            Contain(e);
        }
        _downstream.Flush();
    }

    private void Leave(ReadOnlySpan<IPAddress> addresses)
    {
        var cluster = _context.Destinations.Resolve(Passthrough.Cluster, addresses, _port);
        if (_downstream.IsConnect)
        {
            ConnectBytes(Passthrough.Route, cluster);
            return;
        }
        _action = Passthrough.Action;
        LimitBy(_action);
        Forward(cluster);
    }

    private void StopLookup()
    {
        _lookup?.Cancel();
        _lookup = null;
    }
}
