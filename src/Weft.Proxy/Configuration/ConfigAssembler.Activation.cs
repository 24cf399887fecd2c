using Weft.Proxy.Security;
using Weft.Routing.Clusters;
using Weft.Routing.Listeners;
using Weft.Routing.Routes;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>What waited and can be used: bound to its endpoints, contexts and sockets, and put into the next version.</summary>
internal sealed partial class ConfigAssembler
{
    private void TryActivateCluster(ResourceSlots<Cluster>.Slot slot)
    {
        var cluster = slot.Pending!;
        var assignment = Binder.AssignmentOf(cluster);
        var ready = (assignment is null || _endpoints.IsSettled(assignment)) && References.Secrets(cluster).All(_tls.Has);
        if (!ready && Now < slot.Deadline) return;
        var endpoints = assignment is null ? cluster.InlineEndpoints! : _endpoints.Find(assignment)?.Active ?? EndpointSet.Empty(assignment);
        try
        {
            _next = With(clusters: _next.Clusters.With(slot.Name, _binder.Bind(cluster, endpoints)));
            if (slot.Active?.InlineEndpoints is { } last && !ReferenceEquals(last, cluster.InlineEndpoints)) _states.Forget(last, cluster.InlineEndpoints);
            Activate(XdsType.Cluster, slot);
        }
        catch (TlsException e)
        {
            Refuse(XdsType.Cluster, slot, e.Message);
        }
    }

    private void TryActivateRoutes(ResourceSlots<RouteTable>.Slot slot)
    {
        if (!slot.Pending!.ClusterNames.All(_clusters.IsSettled) && Now < slot.Deadline) return;
        Activate(XdsType.Route, slot);
        _next = With(routes: _next.Routes.With(slot.Name, new RouteEntry(slot.Active)));
    }

    /// <summary>Puts a listener that can be used into the next version. Its sockets open when that is published, not before: a client that the
    /// kernel has accepted would find no listener and be reset.</summary>
    private bool TryBindListener(ResourceSlots<Listener>.Slot slot)
    {
        var listener = slot.Pending!;
        var ready = References.Routes(listener).All(_routes.IsSettled) && References.Clusters(listener).All(_clusters.IsSettled)
            && References.Secrets(listener).All(_tls.Has);
        if (!ready && Now < slot.Deadline) return false;
        try
        {
            _next = With(listeners: _next.Listeners.With(slot.Name, _binder.Bind(listener)));
            return true;
        }
        catch (TlsException e)
        {
            Refuse(XdsType.Listener, slot, e.Message);
            return false;
        }
    }

    /// <summary>Opens a listener's sockets, or takes it out again and refuses it.</summary>
    private void Open(ResourceSlots<Listener>.Slot slot)
    {
        if (_open(_next.Listeners.Find(slot.Name)!) is not { } error)
        {
            Activate(XdsType.Listener, slot);
            return;
        }
        _next = With(listeners: _next.Listeners.With(slot.Name, slot.Active is null ? null : _binder.Bind(slot.Active)));
        Refuse(XdsType.Listener, slot, error);
    }

    private void Activate<T>(XdsType type, ResourceSlots<T>.Slot slot) where T : class
    {
        if (slot.PendingSource is { } source) _history.Accepted(type, source);
        slot.Activate();
        Interest++; // what the last version named may no longer be wanted
    }

    private void Refuse<T>(XdsType type, ResourceSlots<T>.Slot slot, string reason) where T : class
    {
        _refused++;
        if (slot.PendingSource is { } source) _history.Refused(type, source, reason);
        Interest++; // nobody wants what only the refused version named
        slot.Refuse(reason);
    }

    /// <summary>Secrets have changed: every TLS user asks for its context again, and only those whose context is another one change.</summary>
    private void RebindTls()
    {
        _tls.BeginRebind();
        foreach (var (name, bound) in _next.Clusters.Items.ToList()) _next = With(clusters: _next.Clusters.With(name, _binder.Rebind(bound)));
        foreach (var (name, bound) in _next.Listeners.Items.ToList()) _next = With(listeners: _next.Listeners.With(name, _binder.Rebind(bound)));
        _tls.EndRebind();
    }

    /// <summary>A server pushes clusters before routes, so a cluster's end arrives before the route table that stops using it: it serves until then.</summary>
    private void DropClustersNobodyNames()
    {
        var absent = _clusters.All.Where(s => s.Absent && s.Pending is null && _next.Clusters.Find(s.Name) is not null).ToList();
        if (absent.Count == 0) return;
        var named = References.ActiveClusters(_routes, _listeners);
        foreach (var slot in absent.Where(s => !named.Contains(s.Name)))
        {
            _next = With(clusters: _next.Clusters.With(slot.Name, null));
            _states.ForgetCluster(slot.Name);
        }
    }
}
