using Weft.Proxy.Transport;

namespace Weft.Proxy.Overload;

/// <summary>One worker's TLS handshakes in progress, oldest first. When there are too many, the oldest makes room for the newest: a client that means it is through in two round trips, so what has
/// waited longest is most likely to wait for ever, and a flood pays for itself.</summary>
internal sealed class Handshakes(Admission admission)
{
    private readonly LinkedList<Channel> _pending = new();

    public int Count => _pending.Count;

    /// <summary>To be taken out by <see cref="End"/> when the handshake has ended, either way.</summary>
    public LinkedListNode<Channel> Begin(Channel channel)
    {
        if (_pending.Count >= admission.MaxHandshakes && _pending.First is { } oldest)
        {
            _pending.Remove(oldest);
            admission.CountRefusedHandshake();
            oldest.Value.Abort();
        }
        return _pending.AddLast(channel);
    }

    public void End(LinkedListNode<Channel>? handshake)
    {
        if (handshake?.List is not null) _pending.Remove(handshake);
    }
}
