using Weft.Proxy.Buffers;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;
using Weft.Telemetry.Outcomes;

namespace Weft.Proxy.Tcp;

/// <summary>Hears of a <see cref="ByteRelay"/>.</summary>
internal interface IByteRelayOwner
{
    /// <summary>Bytes have been passed on: the caller's, and those for the caller.</summary>
    void OnMoved(long received, long sent);

    /// <summary>Both directions have ended (<see cref="Fault.None"/>), or one side broke. Both channels are closed. Told once, and not after <see cref="ByteRelay.Abort"/>.</summary>
    void OnRelayEnded(Fault fault);
}

/// <summary>
/// Two channels joined, each the other's peer: bytes, ends and resets of one become the other's. A direction that has ended leaves the other open for as long as it likes.
/// </summary>
/// <remarks>A side that breaks takes the other with it by a reset: its peer must not take what it got for all there was.</remarks>
internal sealed class ByteRelay : IChannelHandler, IWorkItem
{
    private readonly Worker _worker;
    private readonly IByteRelayOwner _owner;
    private readonly ByteFlow _up;   // what the caller sends
    private readonly ByteFlow _down; // what it is sent
    private bool _over;
    private bool _deferred;

    public ByteRelay(Worker worker, Channel downstream, Channel upstream, IByteRelayOwner owner)
    {
        _worker = worker;
        _owner = owner;
        _up = new ByteFlow(worker, downstream, upstream);
        _down = new ByteFlow(worker, upstream, downstream);
    }

    /// <summary>Takes both channels over and moves what there is.</summary>
    /// <param name="received">What the caller sent that was read already; given up to the relay. Null for none.</param>
    /// <param name="answer">What the caller is to get before anything of the upstream.</param>
    public void Start(ByteBuffer? received, ReadOnlySpan<byte> answer)
    {
        if (received is not null) _up.BeginWith(received);
        if (!answer.IsEmpty) _down.BeginWith(answer);
        _up.Source.Handler = _up.Target.Handler = this;
        _up.Source.ResetOnDeath();
        _up.Target.ResetOnDeath();
        Pump(_down);
        Pump(_up);
    }

    /// <summary>Resets both sides. The owner is not told.</summary>
    public void Abort()
    {
        if (!Over()) return;
        _up.Source.Abort();
        _up.Target.Abort();
    }

    /// <remarks>Both were open before the relay took them over.</remarks>
    public void OnOpen(Channel channel) { }

    public void OnReadable(Channel channel)
    {
        var flow = ReferenceEquals(channel, _up.Source) ? _up : _down;
        flow.SourceReadable();
        Pump(flow);
    }

    public void OnWritable(Channel channel)
    {
        var flow = ReferenceEquals(channel, _up.Target) ? _up : _down;
        flow.TargetWritable();
        Pump(flow);
    }

    public void OnFailed(Channel channel) => Broke(channel);

    /// <inheritdoc/>
    /// <remarks>An end is met when what comes before it has been read; a reset has thrown that away.</remarks>
    public void OnPeerEnding(Channel channel, bool reset)
    {
        if (reset) Broke(channel);
    }

    void IWorkItem.Run(Worker worker)
    {
        _deferred = false;
        try
        {
            Pump(_up);
            Pump(_down);
        }
        catch (Exception e)
        {
            worker.Report("tcp", $"between {_up.Source.Remote} and {_up.Target.Remote}", e);
            Broke(_up.Target);
        }
    }

    private void Pump(ByteFlow flow)
    {
        if (_over) return;
        var wasEnded = flow.IsEnded;
        var before = flow.Moved;
        var status = flow.Pump();
        var moved = flow.Moved - before;
        if (moved != 0) _owner.OnMoved(ReferenceEquals(flow, _up) ? moved : 0, ReferenceEquals(flow, _up) ? 0 : moved);
        switch (status)
        {
            case FlowStatus.HasMore:
                if (_deferred) break;
                _deferred = true;
                _worker.Defer(this);
                break;
            case FlowStatus.Ended when _up.IsEnded && _down.IsEnded:
                if (!Over()) return;
                _up.Source.Close();
                _up.Target.Close();
                _owner.OnRelayEnded(Fault.None);
                break;
            case FlowStatus.Ended when !wasEnded:
                flow.Target.ShutdownWrite(); // not for the second end: closing tells it
                break;
            case FlowStatus.SourceBroke:
                Broke(flow.Source);
                break;
            case FlowStatus.TargetBroke:
                Broke(flow.Target);
                break;
        }
    }

    private void Broke(Channel channel)
    {
        if (_over) return;
        Abort();
        _owner.OnRelayEnded(ReferenceEquals(channel, _up.Source) ? Fault.DownstreamClosed : Fault.UpstreamReset);
    }

    /// <summary>False: it was over before.</summary>
    private bool Over()
    {
        if (_over) return false;
        _over = true;
        _up.Drop();
        _down.Drop();
        return true;
    }
}
