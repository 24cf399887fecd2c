using Envoy.Service.Discovery.V3;
using Weft.Proxy.Configuration.Cache;
using Weft.Xds;

namespace Weft.Proxy.Configuration;

/// <summary>
/// Keeps the subscriptions of the stream to the management server equal to what the configuration refers to, feeds updates to the
/// <see cref="ConfigAssembler"/>, and answers each when everything in it is in use or refused. No I/O; belongs to the configuration thread.
/// </summary>
/// <param name="stream">The protocol.</param>
/// <param name="assembler">The configuration.</param>
/// <param name="wantsListeners">Ask for this node's listeners.</param>
internal sealed class AdsSubscriber(DeltaClientStream stream, ConfigAssembler assembler, bool wantsListeners)
{
    /// <summary>The types that are asked for by name, in push order.</summary>
    private static readonly XdsType[] Named = [XdsType.Cluster, XdsType.Endpoint, XdsType.Route, XdsType.Secret, XdsType.Name];

    private readonly List<(DeltaUpdate Update, UpdateTicket Ticket)> _open = [];
    private long _followed = -1;
    private bool _answered;

    /// <summary>When <see cref="Turn"/> is to be called again though nothing has happened; null when there is no need.</summary>
    public DateTimeOffset? NextDeadline => Earlier(stream.NextDeadline, assembler.NextDeadline);

    /// <summary>True when nothing is on its way: no name without an answer, no update that is not in use.</summary>
    public bool IsQuiet => _open.Count == 0 && NextDeadline is null;

    /// <summary>True once a server has said of what is in use that it is what it should be, or has replaced it. What was restored is old until then.</summary>
    public bool IsConfirmed { get; private set; }

    /// <summary>Takes up the configuration of an earlier process, before the first stream. What it refers to and does not hold counts as not existing, so that nothing waits
    /// for a server that may be away.</summary>
    public void Restore(SavedConfiguration saved)
    {
        SubscribeListeners();
        foreach (var name in saved.RequestedRoutes) assembler.WantRoute(name);
        // Of the names only those that exist: what was no service then may be one now, and asking again costs one question.
        foreach (var name in saved.Resources.GetValueOrDefault(XdsType.Name) ?? []) assembler.WantName(name.Name);
        // Each type makes the next one wanted, and what nobody wants is not taken.
        foreach (var type in (ReadOnlySpan<XdsType>)[XdsType.Listener, XdsType.Route, XdsType.Cluster, XdsType.Endpoint, XdsType.Secret, XdsType.Name])
        {
            if (saved.Resources.TryGetValue(type, out var resources)) Take(stream.Restore(type, resources));
            Follow();
        }
        foreach (var type in Named)
        {
            foreach (var name in assembler.Wanted(type)) assembler.Unanswered(type, name);
        }
        assembler.Settle();
        Answer();
    }

    public void OnOpened()
    {
        SubscribeListeners();
        _answered = false;
        stream.OnStreamOpened();
    }

    public void OnClosed() => stream.OnStreamClosed();

    public void OnResponse(DeltaDiscoveryResponse response)
    {
        if (stream.OnResponse(response) is not { } update) return;
        Take(update);
        // The listeners are what everything else follows from; a server answers for them even when nothing has changed.
        if (update.Type == XdsType.Listener || !wantsListeners) _answered = true;
    }

    /// <summary>Uses what can be used, and gives what is to be sent now, in order.</summary>
    public IReadOnlyList<DeltaDiscoveryRequest> Turn()
    {
        foreach (var unanswered in stream.TakeUnanswered()) assembler.Unanswered(unanswered.Type, unanswered.Name);
        assembler.Settle();
        if (Follow()) assembler.Settle();
        Answer();
        if (_answered && IsQuiet) IsConfirmed = true;
        return stream.TakeRequests();
    }

    private void SubscribeListeners()
    {
        if (wantsListeners && !stream.Subscriptions(XdsType.Listener).Contains("*")) stream.SubscribeAll(XdsType.Listener);
    }

    private void Take(DeltaUpdate update) => _open.Add((update, assembler.Apply(update.Type, update.Added, update.Removed)));

    private bool Follow()
    {
        if (_followed == assembler.Interest) return false;
        _followed = assembler.Interest;
        var dropped = false;
        foreach (var type in Named)
        {
            var wanted = assembler.Wanted(type);
            var asked = stream.Subscriptions(type);
            var gone = asked.Where(name => !wanted.Contains(name)).ToList();
            var fresh = wanted.Where(name => !asked.Contains(name)).ToList();
            if (gone.Count > 0)
            {
                stream.Unsubscribe(type, gone);
                assembler.Drop(type, gone);
                dropped = true;
            }
            if (fresh.Count == 0) continue;
            stream.Subscribe(type, fresh);
            assembler.Asked(type, fresh);
        }
        return dropped;
    }

    private void Answer()
    {
        for (var i = 0; i < _open.Count; i++)
        {
            var (update, ticket) = _open[i];
            if (!ticket.IsSettled) continue;
            _open.RemoveAt(i--);
            if (ticket.Refused.Count == 0) stream.Ack(update);
            else stream.Nack(update, ticket.Refused);
        }
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? a, DateTimeOffset? b) => a is null || b < a ? b ?? a : a;
}
