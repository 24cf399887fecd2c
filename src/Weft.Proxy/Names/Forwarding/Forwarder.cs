using System.Net;
using Weft.Proxy.Names.Dns;
using Weft.Proxy.Names.Serving;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Routing.Matching;
using Weft.Routing.Names;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>Asks other resolvers, each question once however many clients wait for it, and remembers what they say. Belongs to one worker and one version of a listener.</summary>
internal sealed class Forwarder
{
    private readonly Dictionary<byte[], Lookup> _inFlight = new(ByteComparer.Instance);
    private readonly DnsForwarding _settings;
    private readonly Func<IReadOnlyList<IPEndPoint>> _machine;
    private readonly IPEndPoint _self;
    private IReadOnlyList<IPEndPoint> _machineSeen = [];
    private IPEndPoint[] _servers;
    private int _preferred;

    /// <param name="server">The listener's settings; it forwards.</param>
    /// <param name="machine">The machine's resolvers, where the settings name none.</param>
    /// <param name="self">Where the listener is reached: never asked.</param>
    public Forwarder(Worker worker, DnsServer server, Func<IReadOnlyList<IPEndPoint>> machine, IPEndPoint self, DnsMetrics metrics)
    {
        (Worker, _settings, _machine, _self, Metrics) = (worker, server.Forwarding!, machine, self, metrics);
        Lifetimes = new DnsLifetimes((uint)server.Cache.MaxTtl.TotalSeconds, (uint)server.Cache.MaxNegativeTtl.TotalSeconds);
        PayloadBytes = (ushort)server.MaxDatagramBytes;
        Cache = new AnswerCache(server.Cache);
        _servers = WithoutSelf(_settings.Servers);
    }

    public Worker Worker { get; }

    public DnsMetrics Metrics { get; }

    public AnswerCache Cache { get; }

    public DnsLifetimes Lifetimes { get; }

    public ushort PayloadBytes { get; }

    public DnsForwarding Settings => _settings;

    /// <summary>Ids of questions (RFC 5452 section 9.2). Ports come from the kernel, which gives each socket one at random.</summary>
    public KernelRandom Random { get; } = new();

    /// <summary>Room for one message: the largest that TCP can carry.</summary>
    public byte[] Message { get; } = new byte[ushort.MaxValue];

    /// <summary>Room for the records of one answer.</summary>
    public byte[] Records { get; } = new byte[1 << 16];

    /// <summary>Questions under way.</summary>
    public int InFlight => _inFlight.Count;

    /// <summary>Has <paramref name="waiter"/> told the answer, later. False when there is nobody to be asked, or it is a question of our own.</summary>
    public bool TryAsk(ReadOnlySpan<byte> key, PendingQuery waiter)
    {
        if (_inFlight.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var known))
        {
            // A question of our own that has come back to us, through a redirect rule or a resolver that asks us. Waiting for it would be waiting for ourselves.
            if (known.IsOwn(waiter.Query.Header.Id, waiter.ClientPort))
            {
                Metrics.Loops.Add();
                return false;
            }
            known.Join(waiter);
            return true;
        }
        var servers = Servers();
        if (servers.Length == 0) return false;
        var lookup = new Lookup(this, key.ToArray(), waiter, servers, _preferred % servers.Length);
        _inFlight.Add(lookup.Key, lookup);
        lookup.Begin();
        return true;
    }

    /// <summary>The answer is there, or that there is none: everybody who waits is told.</summary>
    /// <param name="server">Index of who gave it, to be asked first from now on; -1 for nobody.</param>
    public void Finish(Lookup lookup, DnsAnswer answer, int server)
    {
        _inFlight.Remove(lookup.Key);
        if (server >= 0) _preferred = server;
        Cache.Add(lookup.Key, answer, Worker.NowMs);
    }

    private IPEndPoint[] Servers()
    {
        if (!_settings.Servers.IsEmpty) return _servers;
        var machine = _machine();
        if (ReferenceEquals(machine, _machineSeen)) return _servers;
        (_machineSeen, _preferred) = (machine, 0);
        return _servers = WithoutSelf(machine);
    }

    private IPEndPoint[] WithoutSelf(IReadOnlyList<IPEndPoint> servers) => [.. servers.Where(s => !IsSelf(s))];

    private bool IsSelf(IPEndPoint server) => server.Port == _self.Port
        && (server.Address.Equals(_self.Address) || (IPAddress.IsLoopback(server.Address) && (_self.Address.Equals(IPAddress.Any) || _self.Address.Equals(IPAddress.IPv6Any))));
}
