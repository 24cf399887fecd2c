using Weft.Identity;
using Weft.Proxy.Security;
using Weft.Routing.Clusters;
using Weft.Routing.Compile;
using Weft.Routing.Listeners;
using Weft.Routing.Names;
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
internal sealed partial class ConfigAssembler
{
    private readonly ResourceSlots<Listener> _listeners = new();
    private readonly ResourceSlots<RouteTable> _routes = new();
    private readonly ResourceSlots<Cluster> _clusters = new();
    private readonly ResourceSlots<EndpointSet> _endpoints = new();
    private readonly ResourceSlots<RoutingSecret> _secrets = new();
    private readonly ResourceSlots<MeshService> _names = new();
    private readonly OnDemandNames _onDemand;
    private readonly OnDemandNames _wantedNames;
    private readonly StateRegistry _states = new();
    private readonly TlsContexts _tls;
    private readonly Binder _binder;
    private readonly ConfigStore _store;
    private readonly ConfigLimits _limits;
    private readonly TimeProvider _time;
    private readonly ConfigHistory _history;
    private readonly Func<BoundListener, string?> _open;
    private readonly Action<string> _close;
    private ProxyConfig _next;
    private long _unknownFields;
    private long _refused;
    private bool _listenersOnTheWay;

    /// <param name="store">Where versions are published.</param>
    /// <param name="history">Told what becomes of each resource, for people to read.</param>
    /// <param name="open">Opens a listener's sockets once it is published; answers why that is not possible, or null.</param>
    /// <param name="close">Closes the sockets of a listener, by name, that is gone.</param>
    public ConfigAssembler(
        ConfigStore store, ConfigHistory history, Func<BoundListener, string?> open, Action<string> close, ConfigLimits limits, TimeProvider time)
    {
        (_store, _history, _open, _close, _limits, _time) = (store, history, open, close, limits, time);
        _tls = new TlsContexts(time);
        _binder = new Binder(_tls, _states);
        _onDemand = new OnDemandNames(limits.OnDemandRoutes);
        _wantedNames = new OnDemandNames(limits.OnDemandNames);
        _next = store.Current;
    }

    /// <summary>Fields that arrived with numbers that this build does not know, over all resources. Any thread.</summary>
    public long UnknownFields => Volatile.Read(ref _unknownFields);

    /// <summary>Resources that were refused, over all updates. Any thread.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Some listener has arrived, was never in use, and waits for what it refers to. Any thread.</summary>
    public bool ListenersOnTheWay => Volatile.Read(ref _listenersOnTheWay);

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
    /// <returns>Everything that is wrong with them, one sentence each, with its place; nothing may be used then.</returns>
    public IReadOnlyList<string> AddStatic(BootstrapSettings bootstrap)
    {
        var errors = new List<string>();
        var resources = bootstrap.Message.StaticResources ?? new();
        _history.ReadBootstrap(bootstrap.Message);
        foreach (var (index, secret) in resources.Secrets.Index())
        {
            if (Check(SecretCompiler.Compile(secret), $"secrets[{index}]") is not { } compiled) continue;
            if (_tls.Set(compiled) is { } error) Error(compiled.Name, $"secrets[{index}]", error);
            _secrets.GetOrAdd(compiled.Name, isStatic: true).Active = compiled;
            _history.Static(XdsType.Secret, compiled.Name, secret);
        }
        foreach (var (index, cluster) in bootstrap.Clusters)
        {
            if (Check(ClusterCompiler.Compile(cluster, _states), $"clusters[{index}]") is not { } compiled) continue;
            _clusters.GetOrAdd(compiled.Name, isStatic: true).Await(compiled, null, Deadline, null);
            _history.Static(XdsType.Cluster, compiled.Name, cluster);
        }
        foreach (var (index, listener) in resources.Listeners.Index())
        {
            if (Check(ListenerCompiler.Compile(listener), $"listeners[{index}]") is not { } compiled) continue;
            _listeners.GetOrAdd(compiled.Name, isStatic: true).Await(compiled, null, Deadline, null);
            _history.Static(XdsType.Listener, compiled.Name, listener);
        }
        return errors;

        T? Check<T>(Compiled<T> compiled, string path) where T : class
        {
            _unknownFields += compiled.UnknownFields;
            foreach (var r in compiled.Rejections) Error(r.Resource, r.Field.Length == 0 ? path : $"{path}.{r.Field}", r.Message);
            return compiled.Value;
        }

        void Error(string resource, string path, string message) =>
            errors.Add($"{bootstrap.PlaceOf($"static_resources.{path}") ?? "bootstrap"}: static_resources.{path}: {message} ({resource})");
    }

    /// <summary>Takes one update. Nothing is in use before <see cref="Settle"/>.</summary>
    public UpdateTicket Apply(XdsType type, IReadOnlyList<XdsResource> added, IReadOnlyList<string> removed)
    {
        var ticket = new UpdateTicket();
        foreach (var resource in added) Add(type, resource, ticket);
        foreach (var name in removed) Remove(type, name);
        return ticket;
    }

    /// <summary>A resource does not exist: the server said so, or has said nothing for so long that it counts as that. One that is in use
    /// stays in use in the second case.</summary>
    public void Unanswered(XdsType type, string name)
    {
        if (!IsKnown(type, name)) Remove(type, name);
    }

    /// <summary>Route configurations that requests have asked for.</summary>
    public IReadOnlyCollection<string> RequestedRoutes => _onDemand.Names;

    /// <summary>A request needs this route configuration.</summary>
    public void WantRoute(string name)
    {
        if (_onDemand.Add(name)) Interest++;
    }

    /// <summary>A client needs to know what this name or address is.</summary>
    public void WantName(string name)
    {
        if (_wantedNames.Add(name)) Interest++;
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
    public IEnumerable<Cluster> DnsClusters
    {
        get
        {
            foreach (var slot in _clusters.All)
            {
                if ((slot.Pending ?? slot.Active) is { DnsTargets.IsEmpty: false } cluster) yield return cluster;
            }
        }
    }

    /// <summary>The resources that the server is to be asked for, by name. Listeners are asked for by wildcard.</summary>
    public IReadOnlySet<string> Wanted(XdsType type) => type switch
    {
        XdsType.Cluster => References.Clusters(_routes, _listeners).Where(n => _clusters.Find(n) is not { IsStatic: true }).ToHashSet(StringComparer.Ordinal),
        XdsType.Endpoint => References.Assignments(_clusters),
        XdsType.Route => References.Routes(_listeners).Concat(_onDemand.Names).ToHashSet(StringComparer.Ordinal),
        XdsType.Secret => References.Secrets(_clusters, _listeners)
            .Where(n => !(n == TlsContexts.OwnCertificate && _tls.HasIdentity) && _secrets.Find(n) is not { IsStatic: true }).ToHashSet(StringComparer.Ordinal),
        XdsType.Name => _wantedNames.Names.ToHashSet(StringComparer.Ordinal),
        _ => new HashSet<string>(),
    };

    /// <summary>The server is asked for these now.</summary>
    public void Asked(XdsType type, IEnumerable<string> names)
    {
        foreach (var name in names) _history.Requested(type, name);
    }

    /// <summary>Drops what the server is no longer asked for.</summary>
    public void Drop(XdsType type, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            Remove(type, name);
            _history.Forgotten(type, name);
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
                case XdsType.Name: ForgetName(name); break;
            }
        }
    }

    /// <summary>Uses everything that can be used by now, and publishes the new version when there is one.</summary>
    public void Settle()
    {
        // What a cluster's activation makes possible for routes, and a route's for listeners, happens in the same version.
        foreach (var slot in _clusters.All.Where(s => s.Pending is not null).ToList()) TryActivateCluster(slot);
        foreach (var slot in _routes.All.Where(s => s.Pending is not null).ToList()) TryActivateRoutes(slot);
        var opening = _listeners.All.Where(s => s.Pending is not null).ToList();
        opening.RemoveAll(slot => !TryBindListener(slot));
        Volatile.Write(ref _listenersOnTheWay, _listeners.All.Any(s => s.Pending is not null && s.Active is null && !opening.Contains(s)));
        DropClustersNobodyNames();
        Publish();
        if (opening.Count == 0) return;
        foreach (var slot in opening) Open(slot);
        Publish();
    }

    private void Publish()
    {
        if (!ReferenceEquals(_next, _store.Current)) _store.Publish(_next);
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    private DateTimeOffset Deadline => Now + _limits.Warming;

    private static IEnumerable<DateTimeOffset> Deadlines<T>(ResourceSlots<T> slots) where T : class => slots.All.Where(s => s.Pending is not null).Select(s => s.Deadline);

    private bool IsKnown(XdsType type, string name) => type switch
    {
        XdsType.Cluster => _clusters.Find(name) is { } c && (c.IsSettled || c.Pending is not null),
        XdsType.Endpoint => _endpoints.IsSettled(name),
        XdsType.Route => _routes.Find(name) is { } r && (r.IsSettled || r.Pending is not null),
        XdsType.Secret => _tls.Has(name),
        XdsType.Name => _names.IsSettled(name),
        _ => true,
    };

    /// <summary>The next version with some maps replaced; itself when none is new.</summary>
    private ProxyConfig With(
        ConfigMap<BoundListener>? listeners = null, ConfigMap<RouteEntry>? routes = null, ConfigMap<BoundCluster>? clusters = null, ConfigMap<NameEntry>? names = null)
    {
        listeners ??= _next.Listeners;
        routes ??= _next.Routes;
        clusters ??= _next.Clusters;
        names ??= _next.Names;
        if (ReferenceEquals(listeners, _next.Listeners) && ReferenceEquals(routes, _next.Routes) && ReferenceEquals(clusters, _next.Clusters) && ReferenceEquals(names, _next.Names)) return _next;
        return new ProxyConfig { Generation = _store.Current.Generation + 1, Listeners = listeners, Routes = routes, Clusters = clusters, Names = names };
    }
}
