using System.Text;
using Envoy.Config.Core.V3;

namespace Weft.Xds.Tests.Joined;

/// <summary>What a proxy does with xDS, as simply as it can be said. With <paramref name="holdsAcks"/> it is Weft's: clusters on demand, an ACK
/// when the thing is in use. Without, it is the usual one: all clusters, ACK at once.</summary>
internal sealed class ModelProxy(DeltaClientStream stream, bool holdsAcks, Action<string> violated)
{
    private readonly Dictionary<XdsType, SortedDictionary<string, string>> _used = XdsTypes.All.ToDictionary(t => t, _ => new SortedDictionary<string, string>(StringComparer.Ordinal));
    private readonly HashSet<(XdsType, string)> _absent = [];
    private readonly Dictionary<(XdsType, string), DeltaUpdate> _latest = [];
    private readonly List<(DeltaUpdate Update, List<XdsRefusal> Refused)> _held = [];

    /// <summary>Route tables asked for by requests, beside those that listeners name.</summary>
    public HashSet<string> OnDemand { get; } = [];

    public IReadOnlyDictionary<string, string> Used(XdsType type) => _used[type];

    public int HeldUpdates => _held.Count;

    public static string Content(XdsResource resource) => Encoding.UTF8.GetString(resource.Body.Span);

    public void Start()
    {
        stream.SubscribeAll(XdsType.Listener);
        stream.Subscribe(XdsType.Secret, "ROOTCA");
        if (!holdsAcks) stream.SubscribeAll(XdsType.Cluster);
        Reconcile();
    }

    public void Apply(DeltaUpdate update)
    {
        var refused = update.Added.Where(r => Content(r).Contains('!')).Select(r => new XdsRefusal(r.Name, "contains '!'")).ToList();
        foreach (var name in update.Removed)
        {
            _absent.Add((update.Type, name));
            if (update.Type == XdsType.Cluster && _used[XdsType.Cluster].ContainsKey(name) && _used[XdsType.Route].Values.Any(route => ClustersOf(route).Contains(name)))
                violated($"cluster {name} was removed while a route in use sends to it");
            _used[update.Type].Remove(name);
        }
        foreach (var resource in update.Added) _absent.Remove((update.Type, resource.Name));
        foreach (var name in update.Added.Select(r => r.Name).Concat(update.Removed)) _latest[(update.Type, name)] = update;
        _held.Add((update, refused));
        Reconcile();
    }

    /// <summary>Adjusts the subscriptions and finishes what can be. A broken stream changes nothing here: its updates go on waiting.</summary>
    public void Reconcile()
    {
        bool finished;
        do
        {
            Want();
            finished = false;
            foreach (var held in _held.ToList())
            {
                // Each as soon as it is ready; the ACK when all are.
                foreach (var resource in Usable(held).Where(r => IsReady(held.Update.Type, r)).ToList())
                {
                    finished |= !_used[held.Update.Type].TryGetValue(resource.Name, out var before) || before != Content(resource);
                    _used[held.Update.Type][resource.Name] = Content(resource);
                }
                if (!Usable(held).All(r => IsReady(held.Update.Type, r))) continue;
                _held.Remove(held);
                finished = true;
                if (held.Refused.Count > 0) stream.Nack(held.Update, held.Refused);
                else stream.Ack(held.Update);
            }
        }
        while (finished);
    }

    private bool IsReady(XdsType type, XdsResource resource) => !holdsAcks || type switch
    {
        XdsType.Cluster => IsKnown(XdsType.Endpoint, resource.Name),
        XdsType.Route => ClustersOf(Content(resource)).All(c => IsKnown(XdsType.Cluster, c)),
        _ => true,
    };

    private bool IsKnown(XdsType type, string name) =>
        _used[type].ContainsKey(name) || _absent.Contains((type, name)) || _held.Exists(h => h.Refused.Exists(r => r.Name == name) && h.Update.Type == type)
        || _refusedForGood.Contains((type, name));

    private readonly HashSet<(XdsType, string)> _refusedForGood = [];

    private void Want()
    {
        foreach (var (update, refused) in _held)
            foreach (var refusal in refused) _refusedForGood.Add((update.Type, refusal.Name));
        var routes = OnDemand.Concat(_used[XdsType.Listener].Values.Select(l => l.Split('/')[0]))
            .Concat(Held(XdsType.Listener).Select(l => Content(l).Split('/')[0])).ToHashSet();
        Adjust(XdsType.Route, routes);
        var clusters = _used[XdsType.Route].Values.Concat(Held(XdsType.Route).Select(Content)).SelectMany(ClustersOf).ToHashSet();
        if (holdsAcks) Adjust(XdsType.Cluster, clusters);
        Adjust(XdsType.Endpoint, holdsAcks ? clusters.Where(IsClusterSeen).ToHashSet() : [.. _used[XdsType.Cluster].Keys, .. Held(XdsType.Cluster).Select(c => c.Name)]);
    }

    private bool IsClusterSeen(string name) => _used[XdsType.Cluster].ContainsKey(name) || Held(XdsType.Cluster).Any(c => c.Name == name);

    private IEnumerable<XdsResource> Held(XdsType type) => _held.Where(h => h.Update.Type == type).SelectMany(Usable);

    private IEnumerable<XdsResource> Usable((DeltaUpdate Update, List<XdsRefusal> Refused) held) =>
        held.Update.Added.Where(r => ReferenceEquals(_latest.GetValueOrDefault((held.Update.Type, r.Name)), held.Update) && held.Refused.TrueForAll(x => x.Name != r.Name));

    private void Adjust(XdsType type, HashSet<string> wanted)
    {
        var have = stream.Subscriptions(type);
        foreach (var name in wanted.Except(have).Order(StringComparer.Ordinal).ToList()) stream.Subscribe(type, name);
        foreach (var name in have.Except(wanted).Where(n => n != "*").Order(StringComparer.Ordinal).ToList())
        {
            stream.Unsubscribe(type, name);
            _used[type].Remove(name);
            _absent.Remove((type, name));
            _latest.Remove((type, name));
            _refusedForGood.Remove((type, name));
        }
    }

    private static IEnumerable<string> ClustersOf(string route) => route.Split('/')[0].Split(',');
}
