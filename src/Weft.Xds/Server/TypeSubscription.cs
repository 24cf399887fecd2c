using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Xds;

/// <summary>What one stream subscribes to in one type, what it was sent, and what it said to that. The rules across types are in
/// <see cref="DeltaServerStream"/>.</summary>
internal sealed class TypeSubscription(XdsType type)
{
    private readonly Dictionary<string, Delivery> _deliveries = new(StringComparer.Ordinal);
    // Names whose delivery may differ from the snapshot: what a push looks at instead of everything. Sorted, so that a push is reproducible.
    private readonly SortedSet<string> _touched = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, XdsNack> _nacks = new(StringComparer.Ordinal);
    private InFlight? _inFlight;
    private bool _seen;
    private bool _namedOnce;
    private bool _firstAnswerDue;
    private long _pass;

    private sealed record InFlight(string Nonce, IReadOnlyList<(string Name, string Version)> Names, bool Answers, long Covers);

    public bool Wildcard { get; private set; }

    public bool AwaitsAck => _inFlight is not null;

    public int ExplicitCount { get; private set; }

    /// <summary>Newest snapshot of which everything that concerns this type was sent and answered, with ACK or NACK.</summary>
    public long SettledRevision { get; private set; } = long.MinValue;

    /// <summary>Whether the client waits for the first word on something, or has not answered to it: it subscribes to more than is settled.</summary>
    public bool HasOpenQuestions =>
        _firstAnswerDue || _inFlight is { Answers: true } || _touched.Any(name => _deliveries.TryGetValue(name, out var delivery) && delivery.Asked);

    public IEnumerable<XdsNack> Nacks => _nacks.Values;

    public XdsTypeStatus Status => new(type, Wildcard, AwaitsAck,
    [
        .. _deliveries.OrderBy(d => d.Key, StringComparer.Ordinal)
            .Select(d => new XdsResourceStatus(d.Key, d.Value.Holds ? d.Value.Sent : null, d.Value.Acked is null or Delivery.Absent ? null : d.Value.Acked)),
    ]);

    /// <summary>Applies the subscription part of a request.</summary>
    public void Change(DeltaDiscoveryRequest request, IXdsSnapshot? snapshot)
    {
        var first = !_seen;
        _seen = true;
        // Always answered, with an empty response if need be: the ACK of it tells that the client has sent all its first requests.
        _firstAnswerDue |= first;

        foreach (var name in request.ResourceNamesUnsubscribe) Unsubscribe(name);
        // "The legacy wildcard": a client that has never named anything means everything. Naming anything ends that, "*" included.
        if (request.ResourceNamesSubscribe.Count > 0)
        {
            if (!_namedOnce && Wildcard) EndWildcard();
            _namedOnce = true;
        }
        else if (first)
        {
            BeginWildcard(snapshot);
        }
        foreach (var name in request.ResourceNamesSubscribe) Subscribe(name, snapshot);
        if (first) Recall(request.InitialResourceVersions);
    }

    /// <summary>Looks for what differs between a new snapshot and what the client was sent.</summary>
    public void Compare(IXdsSnapshot snapshot)
    {
        _pass++;
        if (Wildcard) MatchWildcard(snapshot);
        foreach (var (name, delivery) in _deliveries)
        {
            if (delivery.Explicit ? snapshot.Find(type, name)?.Version != delivery.Sent : delivery.SeenInPass != _pass) _touched.Add(name);
        }
    }

    /// <summary>Names that are to be sent, in order, each with its reason. Names that turn out to be up to date leave the list of touched ones.</summary>
    public List<(string Name, DeliveryKind Kind, XdsResource? Resource)> Due(IXdsSnapshot snapshot)
    {
        var due = new List<(string, DeliveryKind, XdsResource?)>(_touched.Count);
        var upToDate = new List<string>();
        foreach (var name in _touched)
        {
            if (!_deliveries.TryGetValue(name, out var delivery))
            {
                upToDate.Add(name);
                continue;
            }
            var covered = Covers(delivery);
            if (!covered && delivery.Sent is null && !delivery.Asked)
            {
                // It came into the wildcard and left again before the client heard of it.
                _deliveries.Remove(name);
                upToDate.Add(name);
                continue;
            }
            var resource = covered ? snapshot.Find(type, name) : null;
            if (resource is not null || !delivery.Holds) delivery.MissingSince = null;
            else delivery.MissingSince ??= snapshot.Revision;

            if (delivery.Asked || (!delivery.Holds && (resource?.Version ?? Delivery.Absent) != delivery.Sent)) due.Add((name, DeliveryKind.Answer, resource));
            else if (resource is null && delivery.Holds) due.Add((name, DeliveryKind.Removal, null));
            else if (resource is not null && resource.Version != delivery.Sent) due.Add((name, DeliveryKind.Update, resource));
            else upToDate.Add(name);
        }
        foreach (var name in upToDate) _touched.Remove(name);
        return due;
    }

    /// <summary>Whether something other than a removal waits to be sent.</summary>
    public bool HasNews(IXdsSnapshot snapshot) => _firstAnswerDue || Due(snapshot).Exists(d => d.Kind != DeliveryKind.Removal);

    public bool FirstAnswerDue => _firstAnswerDue;

    public long? MissingSince(string name) => _deliveries[name].MissingSince;

    /// <summary>Makes the response that carries the given names, as many as fit, and waits for its ACK from here on.</summary>
    public DeltaDiscoveryResponse Send(
        IReadOnlyList<(string Name, DeliveryKind Kind, XdsResource? Resource)> names, string nonce, IXdsSnapshot snapshot, int maxBytes)
    {
        var response = new DeltaDiscoveryResponse
        {
            TypeUrl = type.TypeUrl(),
            Nonce = nonce,
            SystemVersionInfo = snapshot.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        var sent = new List<(string, string)>(names.Count);
        long bytes = 0;
        foreach (var (name, _, resource) in names)
        {
            bytes += name.Length + (resource?.Body.Length ?? 0);
            if (bytes > maxBytes && sent.Count > 0) break;
            var delivery = _deliveries[name];
            delivery.Sent = resource?.Version ?? Delivery.Absent;
            delivery.Asked = false;
            delivery.MissingSince = null;
            _touched.Remove(name);
            sent.Add((name, delivery.Sent));
            if (resource is null) response.RemovedResources.Add(name);
            else response.Resources.Add(ToWire(resource));
        }
        var answers = _firstAnswerDue || names.Any(static n => n.Kind == DeliveryKind.Answer);
        _firstAnswerDue = false;
        _inFlight = new InFlight(nonce, sent, answers, Due(snapshot).Count == 0 ? snapshot.Revision : SettledRevision);
        return response;
    }

    /// <summary>Takes the client's answer to a response. False for a nonce that is not the one awaited.</summary>
    public bool Answer(string nonce, Google.Rpc.Status? error)
    {
        if (_inFlight is not { } answered || answered.Nonce != nonce) return false;
        _inFlight = null;
        IReadOnlySet<string> refused = error is null ? System.Collections.Frozen.FrozenSet<string>.Empty : BlamedNames.In(error.Message, answered.Names.Select(n => n.Name));
        if (error is null) _nacks.Remove("");
        else if (answered.Names.Count == 0) _nacks[""] = new XdsNack(type, "", "", error.Message);
        foreach (var (name, version) in answered.Names)
        {
            if (!_deliveries.TryGetValue(name, out var delivery)) continue;
            if (refused.Contains(name))
            {
                _nacks[name] = new XdsNack(type, name, version, error!.Message);
                continue;
            }
            _nacks.Remove(name);
            delivery.Acked = version;
            // What a wildcard once matched and is gone for good needs no memory.
            if (!Covers(delivery) && delivery.Sent == Delivery.Absent) Forget(name);
        }
        Settle(answered.Covers);
        return true;
    }

    /// <summary>Called after a push: when nothing is out and nothing waits, the snapshot is settled for this type.</summary>
    public void SettleIfQuiet(IXdsSnapshot snapshot)
    {
        if (!AwaitsAck && !_firstAnswerDue && Due(snapshot).Count == 0) Settle(snapshot.Revision);
    }

    private void Settle(long revision) => SettledRevision = Math.Max(SettledRevision, revision);

    private void Subscribe(string name, IXdsSnapshot? snapshot)
    {
        if (name == "*")
        {
            if (Wildcard)
            {
                foreach (var (known, held) in _deliveries)
                    if (held.SeenInPass == _pass) (held.Asked, _) = (true, _touched.Add(known));
            }
            BeginWildcard(snapshot);
            return;
        }
        var delivery = Track(name);
        if (!delivery.Explicit) ExplicitCount++;
        delivery.Explicit = true;
        delivery.Asked = true;
        _touched.Add(name);
    }

    private void Unsubscribe(string name)
    {
        if (name == "*")
        {
            if (Wildcard) EndWildcard();
            return;
        }
        if (!_deliveries.TryGetValue(name, out var delivery) || !delivery.Explicit) return;
        ExplicitCount--;
        delivery.Explicit = false;
        if (!Wildcard)
        {
            Forget(name);
            return;
        }
        // The client cannot know whether the wildcard still covers the name: it is told, one way or the other.
        delivery.Asked = true;
        _touched.Add(name);
    }

    /// <summary>Takes over what the client says it holds from an earlier stream, for the names that it subscribes to now.</summary>
    private void Recall(IEnumerable<KeyValuePair<string, string>> versions)
    {
        foreach (var (name, version) in versions)
        {
            if (version.Length == 0 || !(Wildcard || _deliveries.ContainsKey(name))) continue;
            var delivery = Track(name);
            (delivery.Sent, delivery.Acked, delivery.Asked) = (version, version, false);
            _touched.Add(name);
        }
    }

    private void BeginWildcard(IXdsSnapshot? snapshot)
    {
        Wildcard = true;
        if (snapshot is not null) MatchWildcard(snapshot);
    }

    private void EndWildcard()
    {
        Wildcard = false;
        foreach (var name in _deliveries.Where(d => !d.Value.Explicit).Select(d => d.Key).ToList()) Forget(name);
    }

    private void MatchWildcard(IXdsSnapshot snapshot)
    {
        foreach (var resource in snapshot.Wildcard(type))
        {
            var delivery = Track(resource.Name);
            delivery.SeenInPass = _pass;
            if (delivery.Sent != resource.Version) _touched.Add(resource.Name);
        }
    }

    private bool Covers(Delivery delivery) => delivery.Explicit || (Wildcard && delivery.SeenInPass == _pass);

    private Delivery Track(string name)
    {
        if (!_deliveries.TryGetValue(name, out var delivery)) _deliveries[name] = delivery = new Delivery { SeenInPass = -1 };
        return delivery;
    }

    private void Forget(string name)
    {
        _deliveries.Remove(name);
        _touched.Remove(name);
        _nacks.Remove(name);
    }

    private Resource ToWire(XdsResource resource)
    {
        var wire = new Resource
        {
            Name = resource.Name,
            Version = resource.Version,
            Resource_ = new Any { TypeUrl = type.TypeUrl(), Value = resource.Body },
        };
        wire.Aliases.Add(resource.Aliases);
        return wire;
    }
}
