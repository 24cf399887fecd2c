using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Weft.Proxy.Configuration;
using Weft.Proxy.Configuration.Cache;
using Weft.TestSupport;
using Weft.Xds;

namespace Weft.Proxy.Tests.Configuration;

/// <summary>The serving state machine of the control plane joined to the subscriber in memory: what one sends, the other gets, until both are quiet.</summary>
internal sealed class ManagementServer
{
    private readonly Dictionary<(XdsType, string), XdsResource> _resources = [];
    private readonly ConfigAssembler _assembler;
    private DeltaServerStream _server = new();
    private long _revision;

    /// <param name="saved">What the proxy finds on its disk; it is in use when this returns, and the server has not said a word yet.</param>
    public ManagementServer(SavedConfiguration? saved = null)
    {
        _assembler = new ConfigAssembler(Store, History, Open, Closed.Add, new ConfigLimits(), Time);
        Client = new DeltaClientStream(new Node { Id = "test" }, Time);
        Subscriber = new AdsSubscriber(Client, _assembler, wantsListeners: true);
        if (saved is not null) Subscriber.Restore(saved);
        Subscriber.OnOpened();
    }

    /// <summary>What the proxy would save now.</summary>
    public SavedConfiguration Saved() => new(ByteString.Empty, Time.GetUtcNow(), [.. _assembler.RequestedRoutes], ConfigCache.ResourcesOf(History));

    public ManualTime Time { get; } = new();

    public ConfigStore Store { get; } = new();

    public ConfigHistory History { get; } = new(TimeProvider.System);

    public ConfigAssembler Assembler => _assembler;

    public DeltaClientStream Client { get; }

    public AdsSubscriber Subscriber { get; }

    /// <summary>Listeners whose sockets cannot be opened, and why.</summary>
    public Dictionary<string, string> RefuseToOpen { get; } = [];

    public List<string> Closed { get; } = [];

    /// <summary>Called when sockets are opened.</summary>
    public Action<BoundListener> Opening { get; set; } = _ => { };

    public ProxyConfig Config => Store.Current;

    public DeltaServerStream Server => _server;

    /// <summary>Types and names in the order in which they were sent.</summary>
    public List<string> Sent { get; } = [];

    public ManagementServer With(params IEnumerable<(XdsType Type, string Name, IMessage Message)> resources)
    {
        foreach (var (type, name, message) in resources) _resources[(type, name)] = XdsResource.Of(name, message);
        return this;
    }

    public ManagementServer Without(XdsType type, string name)
    {
        _resources.Remove((type, name));
        return this;
    }

    /// <summary>Publishes what was added and lets both sides talk until nothing is left to say.</summary>
    public ManagementServer Push()
    {
        var responses = new Queue<Envoy.Service.Discovery.V3.DeltaDiscoveryResponse>(_server.OnSnapshot(new Snapshot(++_revision, new(_resources))));
        for (var quiet = false; !quiet;)
        {
            quiet = true;
            while (responses.TryDequeue(out var response))
            {
                Sent.AddRange(response.Resources.Select(r => $"{response.TypeUrl.Split('.')[^1]} {r.Name}"));
                Subscriber.OnResponse(response);
                quiet = false;
            }
            foreach (var request in Subscriber.Turn())
            {
                foreach (var response in _server.OnRequest(request)) responses.Enqueue(response);
                quiet = false;
            }
        }
        return this;
    }

    public ManagementServer Advance(TimeSpan by)
    {
        Time.Advance(by);
        return Push();
    }

    public ManagementServer Reconnect()
    {
        Subscriber.OnClosed();
        _server = new DeltaServerStream();
        Sent.Clear();
        Subscriber.OnOpened();
        return Push();
    }

    public static (XdsType, string, IMessage) Listener(string name, string? routes = null, params (string Prefix, string Cluster)[] inline)
    {
        var manager = new HttpConnectionManager { StatPrefix = "x", HttpFilters = { new HttpFilter { Name = "router", TypedConfig = Any.Pack(new Router()) } } };
        if (routes is null) manager.RouteConfig = (RouteConfiguration)Routes("inline", inline).Item3;
        else manager.Rds = new Rds { RouteConfigName = routes, ConfigSource = new Envoy.Config.Core.V3.ConfigSource { Ads = new() } };
        return Listener(name, manager);
    }

    public static (XdsType, string, IMessage) ByteListener(string name, string cluster) =>
        Listener(name, new Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy { StatPrefix = "x", Cluster = cluster });

    private static (XdsType, string, IMessage) Listener(string name, IMessage filter) => (XdsType.Listener, name, new Listener
    {
        Name = name,
        Address = new Address { SocketAddress = new SocketAddress { Address = "127.0.0.1", PortValue = 0 } },
        FilterChains = { new FilterChain { Filters = { new Envoy.Config.Listener.V3.Filter { Name = "filter", TypedConfig = Any.Pack(filter) } } } },
    });

    public static (XdsType, string, IMessage) Routes(string name, params (string Prefix, string Cluster)[] routes) => (XdsType.Route, name, new RouteConfiguration
    {
        Name = name,
        VirtualHosts = { new VirtualHost { Name = "all", Domains = { "*" }, Routes = { routes.Select(r => new Route { Match = new RouteMatch { Prefix = r.Prefix }, Route_ = new RouteAction { Cluster = r.Cluster } }) } } },
    });

    public static (XdsType, string, IMessage) Cluster(string name, Action<Cluster>? change = null)
    {
        var cluster = new Cluster { Name = name, Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Eds, EdsClusterConfig = new() { EdsConfig = new Envoy.Config.Core.V3.ConfigSource { Ads = new() } } };
        change?.Invoke(cluster);
        return (XdsType.Cluster, name, cluster);
    }

    public static (XdsType, string, IMessage) Endpoints(string name, params string[] hosts) => (XdsType.Endpoint, name, new ClusterLoadAssignment
    {
        ClusterName = name,
        Endpoints = { new LocalityLbEndpoints { LbEndpoints = { hosts.Select(h => new LbEndpoint { Endpoint = new Endpoint { Address = new Address { SocketAddress = new SocketAddress { Address = h, PortValue = 80 } } } }) } } },
    });

    private string? Open(BoundListener bound)
    {
        Opening(bound);
        return RefuseToOpen.GetValueOrDefault(bound.Listener.Name);
    }

    private sealed record Snapshot(long Revision, Dictionary<(XdsType, string), XdsResource> Resources) : IXdsSnapshot
    {
        public XdsResource? Find(XdsType type, string name) => Resources.GetValueOrDefault((type, name));

        public IReadOnlyList<XdsResource> Wildcard(XdsType type) => [.. Resources.Where(r => r.Key.Item1 == type).Select(r => r.Value)];
    }
}
