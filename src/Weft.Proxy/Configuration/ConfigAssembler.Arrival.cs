using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>What arrives: compiled, checked, and put where it waits. Endpoints and secrets are about what is in use already and do not wait.</summary>
internal sealed partial class ConfigAssembler
{
    private void Add(XdsType type, XdsResource resource, UpdateTicket ticket)
    {
        var bytes = resource.Body.Span;
        if (type is XdsType.Cluster or XdsType.Route or XdsType.Listener) Interest++;
        switch (type)
        {
            case XdsType.Cluster:
                Await(type, _clusters, resource, ClusterCompiler.Compile(bytes, _states, _clusters.Find(resource.Name)?.Active), c => c.Name, ticket);
                break;
            case XdsType.Route:
                Await(type, _routes, resource, RouteCompiler.Compile(bytes), r => r.Name, ticket);
                _onDemand.MarkPresent(resource.Name);
                break;
            case XdsType.Listener:
                Await(type, _listeners, resource, ListenerCompiler.Compile(bytes), l => l.Name, ticket);
                break;
            case XdsType.Endpoint:
                var endpoints = EndpointCompiler.Compile(bytes, _states, _endpoints.Find(resource.Name)?.Active);
                if (!Accept(type, resource, endpoints, e => e.Name, ticket)) break;
                SetEndpoints(resource.Name, endpoints.Value);
                _history.Accepted(type, resource);
                break;
            case XdsType.Secret:
                var secret = SecretCompiler.Compile(bytes);
                if (!Accept(type, resource, secret, s => s.Name, ticket)) break;
                if (_tls.Set(secret.Value!) is { } error) Refuse(type, resource, ticket, error);
                else
                {
                    _secrets.GetOrAdd(resource.Name).Active = secret.Value;
                    _history.Accepted(type, resource);
                    RebindTls();
                }
                break;
            case XdsType.Name:
                SetName(resource, NameCompiler.Compile(bytes), ticket);
                break;
        }
    }

    private void Await<T>(XdsType type, ResourceSlots<T> slots, XdsResource resource, Compiled<T> compiled, Func<T, string> name, UpdateTicket ticket) where T : class
    {
        if (!Accept(type, resource, compiled, name, ticket)) return;
        var slot = slots.GetOrAdd(resource.Name);
        if (slot.IsStatic)
        {
            Refuse(type, resource, ticket, "the bootstrap has a resource of this name");
            return;
        }
        slot.Await(compiled.Value!, resource, Deadline, ticket);
        _history.Warming(type, resource);
    }

    private bool Accept<T>(XdsType type, XdsResource resource, Compiled<T> compiled, Func<T, string> name, UpdateTicket ticket) where T : class
    {
        _unknownFields += compiled.UnknownFields;
        if (!compiled.Ok)
        {
            Refuse(type, resource, ticket, string.Join("; ", compiled.Rejections.Select(r => r.Field.Length == 0 ? r.Message : $"{r.Field}: {r.Message}")));
            return false;
        }
        if (name(compiled.Value) == resource.Name) return true;
        Refuse(type, resource, ticket, $"the resource inside calls itself \"{name(compiled.Value)}\"");
        return false;
    }

    private void Refuse(XdsType type, XdsResource resource, UpdateTicket ticket, string reason)
    {
        _refused++;
        ticket.Refuse(resource.Name, reason);
        _history.Refused(type, resource, reason);
    }

    private void Remove(XdsType type, string name)
    {
        if (type is not XdsType.Endpoint) Interest++;
        switch (type)
        {
            case XdsType.Listener:
                if (_listeners.Find(name) is not { IsStatic: false } listener) return;
                _listeners.Remove(listener);
                _history.Forgotten(type, name);
                _next = With(listeners: _next.Listeners.With(name, null));
                _close(name);
                break;
            case XdsType.Route:
                MarkAbsent(_routes, name);
                _history.Absent(type, name);
                _onDemand.MarkAbsent(name);
                _next = With(routes: _next.Routes.With(name, RouteEntry.Absent));
                break;
            case XdsType.Cluster:
                if (_clusters.Find(name) is { IsStatic: true }) return;
                _history.Absent(type, name);
                MarkAbsent(_clusters, name); // it leaves the configuration when no route table in use names it: see DropClustersNobodyNames
                break;
            case XdsType.Endpoint:
                SetEndpoints(name, EndpointSet.Empty(name));
                _history.Absent(type, name);
                break;
            case XdsType.Secret:
                if (_secrets.Find(name) is { IsStatic: true }) return;
                _tls.Remove(name);
                _history.Absent(type, name);
                RebindTls();
                break;
            case XdsType.Name:
                RemoveName(name);
                break;
        }
    }

    private static void MarkAbsent<T>(ResourceSlots<T> slots, string name) where T : class
    {
        var slot = slots.GetOrAdd(name);
        slot.Clear();
        (slot.Active, slot.Absent) = (null, true);
    }

    private static void Forget<T>(ResourceSlots<T> slots, string name) where T : class
    {
        if (slots.Find(name) is { IsStatic: false } slot) slots.Remove(slot);
    }

    private void SetEndpoints(string name, EndpointSet? endpoints)
    {
        if (endpoints is null) return;
        var slot = _endpoints.GetOrAdd(name);
        var previous = slot.Active;
        if (ReferenceEquals(previous, endpoints)) return;
        slot.Active = endpoints;
        var clusters = _next.Clusters;
        foreach (var cluster in _clusters.All)
        {
            if (cluster.Active is { } active && Binder.AssignmentOf(active) == name && clusters.Find(cluster.Name) is { } bound)
                clusters = clusters.With(cluster.Name, bound with { Endpoints = endpoints });
        }
        if (!ReferenceEquals(clusters, _next.Clusters)) _next = With(clusters: clusters);
        if (previous is not null) _states.Forget(previous, endpoints);
    }
}
