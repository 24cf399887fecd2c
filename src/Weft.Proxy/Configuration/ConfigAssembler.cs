using Weft.Identity;
using Weft.Proxy.Security;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Routing.Listeners;
using Weft.Routing.Routes;
using Weft.Xds;
using RoutingSecret = Weft.Routing.Security.Secret;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Turns resources, as they arrive, into the next root: compiles each, keeps what is in use until its successor can be used, binds clusters to
/// their endpoints and contexts, and says which resources to ask for. Belongs to the configuration thread.
/// </summary>
/// <remarks>
/// A resource is used when everything it refers to is known: a cluster waits for its endpoints and secrets, a route table for its clusters, a
/// listener for its routes and secrets. "Known" includes "known not to exist". Nothing waits longer than <see cref="ConfigLimits.Warming"/>: then
/// it is used as it is, and requests that need the missing part fail with its name. Until then the last version serves.
/// </remarks>
internal sealed class ConfigAssembler
{
    private readonly ResourceSlots<Listener> _listeners = new();
    private readonly ResourceSlots<RouteTable> _routes = new();
    private readonly ResourceSlots<Cluster> _clusters = new();
    private readonly ResourceSlots<EndpointSet> _endpoints = new();
    private readonly ResourceSlots<RoutingSecret> _secrets = new();
    private readonly OnDemandNames _onDemand;
    private readonly StateRegistry _states = new();
    private readonly TlsContexts _tls;
    private readonly Binder _binder;
    private readonly ConfigStore _store;
    private readonly ConfigLimits _limits;
    private readonly TimeProvider _time;
    private ProxyConfig _next;

    private readonly Func<BoundListener, string?> _open;
    private readonly Action<string> _close;

    /// <param name="store">Where versions are published.</param>
    /// <param name="open">Opens a listener's sockets before it is used; answers why that is not possible, or null.</param>
    /// <param name="close">Closes the sockets of a listener, by name, that is gone.</param>
    public ConfigAssembler(ConfigStore store, Func<BoundListener, string?> open, Action<string> close, ConfigLimits limits, TimeProvider time)
    {
        (_store, _open, _close, _limits, _time) = (store, open, close, limits, time);
        _tls = new TlsContexts(time);
        _binder = new Binder(_tls, _states);
        _onDemand = new OnDemandNames(limits.OnDemandRoutes);
        _next = store.Current;
    }

    /// <summary>Fields that arrived with numbers that this build does not know, over all resources.</summary>
    public long UnknownFields { get; private set; }

    /// <summary>Resources that were refused, over all updates.</summary>
    public long Refused { get; private set; }

    /// <summary>Changes whenever <see cref="Wanted"/> may answer otherwise: working that out for each of a hundred endpoint changes a second would
    /// be most of the garbage.</summary>
    public long Interest { get; private set; }

    /// <summary>True when nothing that has arrived waits any longer.</summary>
    public bool IsSettled => NextDeadline is null;

    /// <summary>When <see cref="Settle"/> is to be called again though nothing has arrived; null when nothing waits.</summary>
    public DateTimeOffset? NextDeadline
    {
        get
        {
            DateTimeOffset? next = null;
            foreach (var deadline in Deadlines(_clusters).Concat(Deadlines(_routes)).Concat(Deadlines(_listeners)))
            {
                if (next is null || deadline < next) next = deadline;
            }
            return next;
        }
    }

    /// <summary>Adds the resources of a bootstrap; they are never replaced. Call <see cref="Settle"/> afterwards.</summary>
    /// <returns>Everything that is wrong with them; nothing may be used then.</returns>
    public IReadOnlyList<Rejection> AddStatic(BootstrapSettings bootstrap)
    {
        var rejections = new List<Rejection>();
        foreach (var secret in bootstrap.Resources.Secrets)
        {
            if (Check(SecretCompiler.Compile(secret)) is not { } compiled) continue;
            if (_tls.Set(compiled) is { } error) rejections.Add(new Rejection(Weft.Routing.Compile.XdsTypes.Secret, compiled.Name, "", error));
            _secrets.GetOrAdd(compiled.Name, isStatic: true).Active = compiled;
        }
        foreach (var cluster in bootstrap.Resources.Clusters)
        {
            if (Check(ClusterCompiler.Compile(cluster, _states)) is { } compiled) _clusters.GetOrAdd(compiled.Name, isStatic: true).Await(compiled, null, Deadline, null);
        }
        foreach (var listener in bootstrap.Resources.Listeners)
        {
            if (Check(ListenerCompiler.Compile(listener)) is { } compiled) _listeners.GetOrAdd(compiled.Name, isStatic: true).Await(compiled, null, Deadline, null);
        }
        return rejections;

        T? Check<T>(Compiled<T> compiled) where T : class
        {
            UnknownFields += compiled.UnknownFields;
            rejections.AddRange(compiled.Rejections);
            return compiled.Value;
        }
    }

    /// <summary>Takes one update. Nothing is in use before <see cref="Settle"/>.</summary>
    public UpdateTicket Apply(XdsType type, IReadOnlyList<XdsResource> added, IReadOnlyList<string> removed)
    {
        var ticket = new UpdateTicket();
        foreach (var resource in added) Add(type, resource, ticket);
        foreach (var name in removed) Remove(type, name);
        Refused += ticket.Refused.Count;
        return ticket;
    }

    /// <summary>A resource does not exist: the server said so, or has said nothing for so long that it counts as that. One that is in use
    /// stays in use in the second case.</summary>
    public void Unanswered(XdsType type, string name)
    {
        if (!IsKnown(type, name)) Remove(type, name);
    }

    /// <summary>A request needs this route configuration.</summary>
    public void WantRoute(string name)
    {
        if (_onDemand.Add(name)) Interest++;
    }

    /// <summary>A new generation of the proxy's own certificate.</summary>
    public void SetIdentity(CertificateMaterial material)
    {
        _tls.SetIdentity(material);
        Interest++;
        RebindTls();
    }

    /// <summary>What a DNS cluster's names resolve to now, as an assignment.</summary>
    /// <param name="assignment">envoy.config.endpoint.v3.ClusterLoadAssignment under <see cref="Binder.AssignmentOf"/>'s name.</param>
    public void SetResolved(string name, ReadOnlySpan<byte> assignment) =>
        SetEndpoints(name, EndpointCompiler.Compile(assignment, _states, _endpoints.Find(name)?.Active).Value);

    /// <summary>DNS clusters in use or waiting.</summary>
    public IEnumerable<Cluster> DnsClusters =>
        _clusters.All.SelectMany(s => new[] { s.Active, s.Pending }).OfType<Cluster>().Where(c => !c.DnsTargets.IsEmpty).DistinctBy(c => c.Name);

    /// <summary>The resources that the server is to be asked for, by name. Listeners are asked for by wildcard.</summary>
    public IReadOnlySet<string> Wanted(XdsType type) => type switch
    {
        XdsType.Cluster => References.Clusters(_routes, _listeners).Where(n => _clusters.Find(n) is not { IsStatic: true }).ToHashSet(StringComparer.Ordinal),
        XdsType.Endpoint => References.Assignments(_clusters),
        XdsType.Route => References.Routes(_listeners).Concat(_onDemand.Names).ToHashSet(StringComparer.Ordinal),
        XdsType.Secret => References.Secrets(_clusters, _listeners)
            .Where(n => !(n == TlsContexts.OwnCertificate && _tls.HasIdentity) && _secrets.Find(n) is not { IsStatic: true }).ToHashSet(StringComparer.Ordinal),
        _ => new HashSet<string>(),
    };

    /// <summary>Drops what the server is no longer asked for.</summary>
    public void Drop(XdsType type, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            Remove(type, name);
            switch (type)
            {
                case XdsType.Cluster:
                    Forget(_clusters, name);
                    _next = With(clusters: _next.Clusters.With(name, null));
                    _states.ForgetCluster(name);
                    break;
                case XdsType.Endpoint: Forget(_endpoints, name); break;
                case XdsType.Route: Forget(_routes, name); _next = With(routes: _next.Routes.With(name, null)); break;
                case XdsType.Secret: Forget(_secrets, name); break;
            }
        }
    }

    /// <summary>Uses everything that can be used by now, and publishes the new version when there is one.</summary>
    public void Settle()
    {
        // What a cluster's activation makes possible for routes, and a route's for listeners, happens in the same version.
        foreach (var slot in _clusters.All.Where(s => s.Pending is not null).ToList()) TryActivateCluster(slot);
        foreach (var slot in _routes.All.Where(s => s.Pending is not null).ToList()) TryActivateRoutes(slot);
        foreach (var slot in _listeners.All.Where(s => s.Pending is not null).ToList()) TryActivateListener(slot);
        DropClustersNobodyNames();
        if (ReferenceEquals(_next, _store.Current)) return;
        _store.Publish(_next);
    }

    /// <summary>The resources that arrived and are in use (or, with <paramref name="pending"/>, wait), for config_dump.</summary>
    public IEnumerable<XdsResource> Sources(XdsType type, bool pending) => type switch
    {
        XdsType.Cluster => Sources(_clusters, pending),
        XdsType.Route => Sources(_routes, pending),
        XdsType.Listener => Sources(_listeners, pending),
        XdsType.Endpoint => Sources(_endpoints, pending),
        _ => [],
    };

    private DateTimeOffset Now => _time.GetUtcNow();

    private DateTimeOffset Deadline => Now + _limits.Warming;

    private static IEnumerable<XdsResource> Sources<T>(ResourceSlots<T> slots, bool pending) where T : class =>
        slots.All.Select(s => pending ? s.PendingSource : s.ActiveSource).OfType<XdsResource>();

    private static IEnumerable<DateTimeOffset> Deadlines<T>(ResourceSlots<T> slots) where T : class => slots.All.Where(s => s.Pending is not null).Select(s => s.Deadline);

    private bool IsKnown(XdsType type, string name) => type switch
    {
        XdsType.Cluster => _clusters.Find(name) is { } c && (c.IsSettled || c.Pending is not null),
        XdsType.Endpoint => _endpoints.IsSettled(name),
        XdsType.Route => _routes.Find(name) is { } r && (r.IsSettled || r.Pending is not null),
        XdsType.Secret => _tls.Has(name),
        _ => true,
    };

    private void Add(XdsType type, XdsResource resource, UpdateTicket ticket)
    {
        var bytes = resource.Body.Span;
        if (type is XdsType.Cluster or XdsType.Route or XdsType.Listener) Interest++;
        switch (type)
        {
            case XdsType.Cluster:
                Await(_clusters, resource, ClusterCompiler.Compile(bytes, _states, _clusters.Find(resource.Name)?.Active), c => c.Name, ticket);
                break;
            case XdsType.Route:
                Await(_routes, resource, RouteCompiler.Compile(bytes), r => r.Name, ticket);
                break;
            case XdsType.Listener:
                Await(_listeners, resource, ListenerCompiler.Compile(bytes), l => l.Name, ticket);
                break;
            case XdsType.Endpoint:
                var endpoints = EndpointCompiler.Compile(bytes, _states, _endpoints.Find(resource.Name)?.Active);
                if (!Accept(resource, endpoints, e => e.Name, ticket)) break;
                SetEndpoints(resource.Name, endpoints.Value);
                _endpoints.GetOrAdd(resource.Name).ActiveSource = resource;
                break;
            case XdsType.Secret:
                var secret = SecretCompiler.Compile(bytes);
                if (!Accept(resource, secret, s => s.Name, ticket)) break;
                if (_tls.Set(secret.Value!) is { } error) ticket.Refuse(resource.Name, error);
                else
                {
                    _secrets.GetOrAdd(resource.Name).Active = secret.Value;
                    RebindTls();
                }
                break;
        }
    }

    private void Await<T>(ResourceSlots<T> slots, XdsResource resource, Compiled<T> compiled, Func<T, string> name, UpdateTicket ticket) where T : class
    {
        if (!Accept(resource, compiled, name, ticket)) return;
        var slot = slots.GetOrAdd(resource.Name);
        if (slot.IsStatic) ticket.Refuse(resource.Name, "the bootstrap has a resource of this name");
        else slot.Await(compiled.Value!, resource, Deadline, ticket);
    }

    private bool Accept<T>(XdsResource resource, Compiled<T> compiled, Func<T, string> name, UpdateTicket ticket) where T : class
    {
        UnknownFields += compiled.UnknownFields;
        if (!compiled.Ok)
        {
            ticket.Refuse(resource.Name, string.Join("; ", compiled.Rejections.Select(r => r.Field.Length == 0 ? r.Message : $"{r.Field}: {r.Message}")));
            return false;
        }
        if (name(compiled.Value) == resource.Name) return true;
        ticket.Refuse(resource.Name, $"the resource inside calls itself \"{name(compiled.Value)}\"");
        return false;
    }

    private void Remove(XdsType type, string name)
    {
        if (type is not XdsType.Endpoint) Interest++;
        switch (type)
        {
            case XdsType.Listener:
                if (_listeners.Find(name) is not { IsStatic: false } listener) return;
                _listeners.Remove(listener);
                _next = With(listeners: _next.Listeners.With(name, null));
                _close(name);
                break;
            case XdsType.Route:
                MarkAbsent(_routes, name);
                _onDemand.MarkAbsent(name);
                _next = With(routes: _next.Routes.With(name, RouteEntry.Absent));
                break;
            case XdsType.Cluster:
                if (_clusters.Find(name) is { IsStatic: true }) return;
                MarkAbsent(_clusters, name); // it leaves the configuration when no route table in use names it: see DropClustersNobodyNames
                break;
            case XdsType.Endpoint:
                SetEndpoints(name, EndpointSet.Empty(name));
                break;
            case XdsType.Secret:
                if (_secrets.Find(name) is { IsStatic: true }) return;
                _tls.Remove(name);
                RebindTls();
                break;
        }
    }

    private static void MarkAbsent<T>(ResourceSlots<T> slots, string name) where T : class
    {
        var slot = slots.GetOrAdd(name);
        slot.Clear();
        (slot.Active, slot.ActiveSource, slot.Absent) = (null, null, true);
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
            slot.Activate();
            Interest++; // what the last version named is no longer wanted
        }
        catch (TlsException e)
        {
            Refuse(slot, e.Message);
        }
    }

    private void TryActivateRoutes(ResourceSlots<RouteTable>.Slot slot)
    {
        if (!slot.Pending!.ClusterNames.All(_clusters.IsSettled) && Now < slot.Deadline) return;
        slot.Activate();
        Interest++;
        _next = With(routes: _next.Routes.With(slot.Name, new RouteEntry(slot.Active)));
    }

    private void TryActivateListener(ResourceSlots<Listener>.Slot slot)
    {
        var listener = slot.Pending!;
        var ready = References.Routes(listener).All(_routes.IsSettled) && References.Clusters(listener).All(_clusters.IsSettled)
            && References.Secrets(listener).All(_tls.Has);
        if (!ready && Now < slot.Deadline) return;
        try
        {
            var bound = _binder.Bind(listener);
            if (_open(bound) is { } error)
            {
                Refuse(slot, error);
                return;
            }
            _next = With(listeners: _next.Listeners.With(slot.Name, bound));
            slot.Activate();
            Interest++; // what the last version named is no longer wanted
        }
        catch (TlsException e)
        {
            Refuse(slot, e.Message);
        }
    }

    private void Refuse<T>(ResourceSlots<T>.Slot slot, string reason) where T : class
    {
        Refused++;
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

    /// <summary>The next version with some maps replaced; itself when none is new.</summary>
    private ProxyConfig With(ConfigMap<BoundListener>? listeners = null, ConfigMap<RouteEntry>? routes = null, ConfigMap<BoundCluster>? clusters = null)
    {
        listeners ??= _next.Listeners;
        routes ??= _next.Routes;
        clusters ??= _next.Clusters;
        if (ReferenceEquals(listeners, _next.Listeners) && ReferenceEquals(routes, _next.Routes) && ReferenceEquals(clusters, _next.Clusters)) return _next;
        return new ProxyConfig { Generation = _store.Current.Generation + 1, Listeners = listeners, Routes = routes, Clusters = clusters };
    }
}
