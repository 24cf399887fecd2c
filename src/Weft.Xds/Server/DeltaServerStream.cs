using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Weft.Grpc;

namespace Weft.Xds;

/// <summary>
/// The serving side of one incremental ADS stream, without I/O: requests and snapshots go in, responses come out, to be written in the order
/// in which they are returned. Not safe for concurrent use: one stream, one caller.
/// </summary>
/// <remarks>
/// Within a type, one response at a time: until it is answered, later changes gather and go out together. A refused version is not sent
/// again until the resource changes.
///
/// Across types, what waits for what (make before break), and why nothing waits for ever. A Weft proxy holds back an ACK until what it was
/// sent is in use: it acknowledges a route table when the clusters that it then subscribes to are warm, a cluster when its endpoints came.
///
/// 1. An answer, that is the first word on a name that the client lacks, goes out at once. The client may be holding an ACK for it; making it
///    wait for that ACK would be a deadlock. One exception: listeners and routes wait while a wildcard of clusters has news that could
///    not be sent yet, because such a client does not ask for the clusters that its routes name.
/// 2. An update of a listener or a route waits until the news of all earlier types has been sent. Sent, not acknowledged: responses of one
///    stream are processed in order, and whoever needs more than that holds its own ACK. Endpoints and secrets never wait: they are about
///    what the client has already, and a dead endpoint must go now.
/// 3. The removal of a cluster or of its endpoints waits until the client has answered every listener and route of the snapshot in which
///    it went missing. Here "sent" is not enough: until the ACK the old routes are in use, and they may still send to that cluster. It
///    waits for that snapshot only, not for quiet, so a busy mesh cannot postpone it for ever.
/// </remarks>
public sealed class DeltaServerStream(DeltaServerLimits? limits = null, string controlPlane = "")
{
    private readonly DeltaServerLimits _limits = limits ?? new DeltaServerLimits();
    private readonly TypeSubscription[] _types = [.. XdsTypes.All.Select(static type => new TypeSubscription(type))];
    private IXdsSnapshot? _snapshot;
    private long _responses;
    private int _requestsSinceResponse;
    private bool _heardAnswer;

    /// <summary>The client, from its first request; null before it.</summary>
    public Node? Node { get; private set; }

    /// <summary>The newest snapshot revision for which everything that this stream subscribes to has been sent and answered, with ACK or NACK;
    /// null while there is none. Never goes back.</summary>
    public long? AnsweredRevision { get; private set; }

    /// <summary>As <see cref="AnsweredRevision"/>, with every answer an ACK: stands still while any refusal stands. Null while there is none.</summary>
    public long? SyncedRevision { get; private set; }

    /// <summary>The refusals that stand, by type and name.</summary>
    public IReadOnlyList<XdsNack> Nacks => [.. _types.SelectMany(static t => t.Nacks)];

    /// <summary>What each type has subscribed to, was sent and has acknowledged; for people.</summary>
    public IReadOnlyList<XdsTypeStatus> Status => [.. _types.Select(static t => t.Status)];

    /// <summary>Requests whose nonce was not the awaited one. Their subscriptions count, their ACK does not.</summary>
    public long StaleNonces { get; private set; }

    /// <summary>Requests for types that are not served. They get no answer, as the protocol has no negative one for a type.</summary>
    public long UnknownTypes { get; private set; }

    /// <summary>Takes one request. Before the first snapshot nothing can be answered; <see cref="Node"/> is known from the first request on.</summary>
    /// <exception cref="GrpcException">The stream must end with this status: no node in the first request (InvalidArgument), or a limit of
    /// <see cref="DeltaServerLimits"/> (ResourceExhausted).</exception>
    public IReadOnlyList<DeltaDiscoveryResponse> OnRequest(DeltaDiscoveryRequest request)
    {
        CheckLimits(request);
        // Only the first request must carry the node; a client that repeats it may not become another one.
        Node ??= request.Node is { Id.Length: > 0 } node
            ? node
            : throw new GrpcException(GrpcStatusCode.InvalidArgument, "the first request of a stream needs node.id");
        if (!XdsTypes.TryParse(request.TypeUrl, out var type))
        {
            UnknownTypes++;
            return [];
        }
        var subscription = _types[(int)type];
        if (request.ResponseNonce.Length > 0)
        {
            if (subscription.Answer(request.ResponseNonce, request.ErrorDetail)) _heardAnswer = true;
            else StaleNonces++;
        }
        subscription.Change(request, _snapshot);
        if (_types.Sum(static t => t.ExplicitCount) > _limits.MaxSubscriptions)
            throw Exhausted($"more than MaxSubscriptions ({_limits.MaxSubscriptions}) subscriptions on one stream");
        return Push();
    }

    /// <summary>Takes the newest snapshot for this client.</summary>
    public IReadOnlyList<DeltaDiscoveryResponse> OnSnapshot(IXdsSnapshot snapshot)
    {
        _snapshot = snapshot;
        foreach (var type in _types) type.Compare(snapshot);
        return Push();
    }

    private List<DeltaDiscoveryResponse> Push()
    {
        var responses = new List<DeltaDiscoveryResponse>();
        if (_snapshot is null || Node is null) return responses;
        foreach (var type in XdsTypes.All) PushNews(type, responses);
        // Not before the first answer: other first requests may still be on their way, and a type that nobody has asked for looks settled.
        if (_heardAnswer) foreach (var type in _types) type.SettleIfQuiet(_snapshot);
        foreach (var type in (ReadOnlySpan<XdsType>)[XdsType.Cluster, XdsType.Endpoint]) PushRemovals(type, responses);
        if (responses.Count > 0) _requestsSinceResponse = 0;
        UpdateRevisions();
        return responses;
    }

    /// <summary>Rules 1 and 2, for one type.</summary>
    private void PushNews(XdsType type, List<DeltaDiscoveryResponse> responses)
    {
        var subscription = _types[(int)type];
        if (subscription.AwaitsAck) return;
        var due = subscription.Due(_snapshot!);
        var answersWait = false;
        var updatesWait = false;
        if (type is XdsType.Listener or XdsType.Route && (due.Count > 0 || subscription.FirstAnswerDue))
        {
            answersWait = _types[(int)XdsType.Cluster].Wildcard && _types[(int)XdsType.Cluster].HasNews(_snapshot!);
            updatesWait = _types.Take((int)type).Any(earlier => earlier.HasNews(_snapshot!));
        }
        due.RemoveAll(d => d.Kind switch
        {
            DeliveryKind.Answer => answersWait,
            DeliveryKind.Update => updatesWait,
            _ => updatesWait || !MayRemove(type, d.Name),
        });
        if (due.Count > 0 || (subscription.FirstAnswerDue && !answersWait)) Send(subscription, due, responses);
    }

    /// <summary>Removals that the settling of listeners and routes has just set free; a response of their own, after all news.</summary>
    private void PushRemovals(XdsType type, List<DeltaDiscoveryResponse> responses)
    {
        var subscription = _types[(int)type];
        if (subscription.AwaitsAck) return;
        var due = subscription.Due(_snapshot!);
        due.RemoveAll(d => d.Kind != DeliveryKind.Removal || !MayRemove(type, d.Name));
        if (due.Count > 0) Send(subscription, due, responses);
    }

    /// <summary>Rule 3.</summary>
    private bool MayRemove(XdsType type, string name) =>
        type is not (XdsType.Cluster or XdsType.Endpoint)
        || _types[(int)type].MissingSince(name) <= Math.Min(_types[(int)XdsType.Listener].SettledRevision, _types[(int)XdsType.Route].SettledRevision);

    private void Send(
        TypeSubscription subscription, List<(string Name, DeliveryKind Kind, XdsResource? Resource)> due, List<DeltaDiscoveryResponse> responses)
    {
        var nonce = (++_responses).ToString(CultureInfo.InvariantCulture);
        var response = subscription.Send(due, nonce, _snapshot!, _limits.MaxResponseBytes);
        if (controlPlane.Length > 0) response.ControlPlane = new ControlPlane { Identifier = controlPlane };
        responses.Add(response);
    }

    private void UpdateRevisions()
    {
        if (_types.Any(static t => t.HasOpenQuestions)) return;
        var settled = _types.Min(static t => t.SettledRevision);
        if (settled == long.MinValue) return;
        if (AnsweredRevision is null || settled > AnsweredRevision) AnsweredRevision = settled;
        if (!_types.Any(static t => t.Nacks.Any())) SyncedRevision = AnsweredRevision;
    }

    private void CheckLimits(DeltaDiscoveryRequest request)
    {
        if (++_requestsSinceResponse > _limits.MaxRequestsBetweenResponses)
            throw Exhausted($"more than MaxRequestsBetweenResponses ({_limits.MaxRequestsBetweenResponses}) requests that needed no answer");
        if (request.CalculateSize() > _limits.MaxRequestBytes)
            throw Exhausted($"a request of {request.CalculateSize()} bytes is over MaxRequestBytes ({_limits.MaxRequestBytes})");
        foreach (var name in request.ResourceNamesSubscribe)
        {
            if (name.Length > _limits.MaxNameLength)
                throw Exhausted($"a resource name of {name.Length} characters is over MaxNameLength ({_limits.MaxNameLength})");
        }
    }

    private static GrpcException Exhausted(string message) => new(GrpcStatusCode.ResourceExhausted, message);
}
