using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Weft.Grpc;

namespace Weft.Xds;

/// <summary>
/// The asking side of incremental ADS, without I/O, over as many streams as it takes: subscriptions and what is held outlive a stream.
/// Whoever does the I/O calls in with what happened and then sends what <see cref="TakeRequests"/> gives, in order. Not safe for concurrent use.
/// </summary>
/// <remarks>
/// An ACK means "in use", so it may be given long after its update. Subscriptions that follow from an update are made before it is
/// acknowledged: <see cref="TakeRequests"/> puts them first, and so a server that has the ACK knows of everything that it led to.
/// The resources of an update may come into use one by one, and may still do so when the stream has broken and another is open: the new server
/// sends everything again that is not finished.
/// </remarks>
public sealed class DeltaClientStream(Node node, TimeProvider time, DeltaClientOptions? options = null)
{
    private readonly DeltaClientOptions _options = options ?? new DeltaClientOptions();
    private readonly TypeInterest[] _types = [.. XdsTypes.All.Select(static _ => new TypeInterest())];
    private readonly List<DeltaDiscoveryRequest> _answers = [];
    private long _stream;
    private long _sequence;
    private bool _nodeSent;

    /// <summary>Whether a stream is open.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Names subscribed to in one type; <c>*</c> stands for the wildcard.</summary>
    public IReadOnlyCollection<string> Subscriptions(XdsType type) => _types[(int)type].Wanted;

    /// <summary>The version of a resource that was accepted and not removed since; null when there is none.</summary>
    public string? HeldVersion(XdsType type, string name) => _types[(int)type].HeldVersion(name);

    /// <summary>What is held of one type: name and version.</summary>
    public IReadOnlyDictionary<string, string> Held(XdsType type) => _types[(int)type].Held;

    /// <summary>Asks for resources by name. A name that is subscribed to already is asked for again and will be answered again.</summary>
    public void Subscribe(XdsType type, params IEnumerable<string> names)
    {
        foreach (var name in names) _types[(int)type].Subscribe(name);
    }

    /// <summary>Asks for everything that the server would give this node.</summary>
    public void SubscribeAll(XdsType type) => _types[(int)type].Subscribe(TypeInterest.Everything);

    /// <summary>Gives names up, with what is held under them. <c>*</c> gives up the wildcard.</summary>
    public void Unsubscribe(XdsType type, params IEnumerable<string> names)
    {
        foreach (var name in names) _types[(int)type].Unsubscribe(name);
    }

    /// <summary>A stream is open. <see cref="TakeRequests"/> then gives its first requests: everything subscribed to, the versions that are
    /// held, and the node in the first of them.</summary>
    public void OnStreamOpened()
    {
        _stream++;
        IsOpen = true;
        _nodeSent = false;
        _answers.Clear();
        foreach (var type in _types) type.StreamOpened();
    }

    /// <summary>The stream is gone. What is held stays in use, and updates may still be finished.</summary>
    public void OnStreamClosed()
    {
        IsOpen = false;
        _answers.Clear();
        foreach (var type in _types) type.StreamClosed();
    }

    /// <summary>Takes one response of the open stream. Null when there is nothing to apply: a type that is not spoken, which is refused at once.</summary>
    public DeltaUpdate? OnResponse(DeltaDiscoveryResponse response)
    {
        if (!XdsTypes.TryParse(response.TypeUrl, out var type))
        {
            _answers.Add(CreateAnswer(response.TypeUrl, response.Nonce, [new XdsRefusal("", $"the type {response.TypeUrl} was not asked for")]));
            return null;
        }
        var interest = _types[(int)type];
        var sequence = ++_sequence;
        var added = new List<XdsResource>(response.Resources.Count);
        var malformed = new List<XdsRefusal>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var resource in response.Resources)
        {
            interest.Answered(resource.Name, sequence);
            if (Refuse(type, resource, names) is { } refusal)
            {
                malformed.Add(refusal);
                added.RemoveAll(a => a.Name == resource.Name);
            }
            // An answer to a subscription that was given up meanwhile is no error, and no news.
            else if (interest.Wants(resource.Name)) added.Add(new XdsResource(resource.Name, resource.Version, resource.Resource_.Value) { Aliases = [.. resource.Aliases] });
        }
        var removed = new List<string>(response.RemovedResources.Count);
        foreach (var name in response.RemovedResources)
        {
            interest.Answered(name, sequence);
            if (interest.Wants(name)) removed.Add(name);
        }
        return new DeltaUpdate(type, response.Nonce, _stream, sequence, added, removed, malformed);
    }

    /// <summary>Takes up what an earlier process held, before the first stream: as an update that nobody is answered about. What is subscribed to and
    /// comes into use is held, so that the server sends only what has changed since.</summary>
    public DeltaUpdate Restore(XdsType type, IReadOnlyList<XdsResource> resources)
    {
        if (_stream > 0) throw new InvalidOperationException("resources are restored before the first stream is opened");
        var interest = _types[(int)type];
        var sequence = ++_sequence;
        var added = resources.Where(r => interest.Wants(r.Name)).ToList();
        foreach (var resource in added) interest.Answered(resource.Name, sequence);
        return new DeltaUpdate(type, nonce: "", stream: 0, sequence, added, [], []);
    }

    /// <summary>Everything in <paramref name="update"/> is in use, but for what a later update or the end of a subscription has
    /// overtaken.</summary>
    public void Ack(DeltaUpdate update) => Finish(update, []);

    /// <summary>Some resources of <paramref name="update"/> are not used, for the reasons given; what was held under their names stays in use.
    /// All others are in use, as the protocol's partial acceptance has it: the NACK names the refused ones in its message, one per line.</summary>
    public void Nack(DeltaUpdate update, params IReadOnlyList<XdsRefusal> refused)
    {
        if (refused.Count == 0) throw new ArgumentException("a refusal names at least one resource", nameof(refused));
        Finish(update, refused);
    }

    /// <summary>The requests to send now, in order: first what to subscribe to and give up, in push order of the types, then the answers to
    /// updates in the order in which they were given. Empty while no stream is open.</summary>
    public IReadOnlyList<DeltaDiscoveryRequest> TakeRequests()
    {
        if (!IsOpen) return [];
        var requests = new List<DeltaDiscoveryRequest>();
        foreach (var type in XdsTypes.All)
        {
            if (_types[(int)type].TakeChanges(time.GetUtcNow() + _options.UnansweredTimeout) is not { } changes) continue;
            var request = new DeltaDiscoveryRequest { TypeUrl = type.TypeUrl() };
            request.ResourceNamesSubscribe.Add(changes.Subscribe);
            request.ResourceNamesUnsubscribe.Add(changes.Unsubscribe);
            if (changes.First)
                foreach (var (name, version) in _types[(int)type].Told) request.InitialResourceVersions[name] = version;
            requests.Add(request);
        }
        requests.AddRange(_answers);
        _answers.Clear();
        if (!_nodeSent && requests.Count > 0)
        {
            requests[0].Node = node;
            _nodeSent = true;
        }
        return requests;
    }

    /// <summary>When <see cref="TakeUnanswered"/> is worth calling next; null when nothing is waited for.</summary>
    public DateTimeOffset? NextDeadline
    {
        get
        {
            DateTimeOffset? next = null;
            foreach (var deadline in _types.SelectMany(static t => t.Deadlines))
                if (next is null || deadline < next) next = deadline;
            return next;
        }
    }

    /// <summary>The names whose time has run out by now, each once. They stay subscribed to, and a late answer is an update like any other.
    /// The clock runs while a stream is open only: a server that is away has said nothing about what exists.</summary>
    public IReadOnlyList<XdsUnanswered> TakeUnanswered()
    {
        var now = time.GetUtcNow();
        return [.. XdsTypes.All.SelectMany(type => _types[(int)type].TakeUnanswered(now).Select(name => new XdsUnanswered(type, name)))];
    }

    private void Finish(DeltaUpdate update, IReadOnlyList<XdsRefusal> refused)
    {
        if (update.Finished) throw new InvalidOperationException($"the {update.Type.Service()} update {update.Nonce} was answered before");
        update.Finished = true;
        var interest = _types[(int)update.Type];
        foreach (var refusal in refused.Concat(update.Malformed)) interest.Refuse(refusal.Name, update.Sequence);
        foreach (var resource in update.Added)
            if (!refused.Any(r => r.Name == resource.Name)) interest.Hold(resource.Name, resource.Version, update.Sequence);
        foreach (var name in update.Removed)
            if (!refused.Any(r => r.Name == name)) interest.Drop(name, update.Sequence);
        if (IsOpen && update.Stream == _stream) _answers.Add(CreateAnswer(update.Type.TypeUrl(), update.Nonce, [.. refused, .. update.Malformed]));
    }

    private DeltaDiscoveryRequest CreateAnswer(string typeUrl, string nonce, IReadOnlyList<XdsRefusal> refused)
    {
        var answer = new DeltaDiscoveryRequest { TypeUrl = typeUrl, ResponseNonce = nonce };
        if (refused.Count == 0) return answer;
        // Every name must be there, since a name that is missing reads as accepted: long reasons are cut, not the list.
        var longest = Math.Max(_options.MaxErrorLength / refused.Count, 64);
        var message = string.Join('\n', refused.Select(r => $"{r.Name}: {Shorten(r.Message.ReplaceLineEndings(" "), longest)}"));
        answer.ErrorDetail = new Google.Rpc.Status { Code = (int)GrpcStatusCode.InvalidArgument, Message = message };
        return answer;
    }

    private static string Shorten(string text, int longest) => text.Length <= longest ? text : text[..longest] + "...";

    private static XdsRefusal? Refuse(XdsType type, Resource resource, HashSet<string> names)
    {
        if (resource.Name.Length == 0) return new XdsRefusal("", "a resource without a name");
        if (!names.Add(resource.Name)) return new XdsRefusal(resource.Name, "twice in one response");
        if (resource.Version.Length == 0) return new XdsRefusal(resource.Name, "without a version");
        return resource.Resource_?.TypeUrl == type.TypeUrl()
            ? null
            : new XdsRefusal(resource.Name, $"a {resource.Resource_?.TypeUrl ?? "missing Any"} among resources of type {type.TypeUrl()}");
    }
}
