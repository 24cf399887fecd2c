using Weft.Proxy.Buffers;
using Weft.Routing.Retries;

namespace Weft.Proxy.Pipelines;

/// <content>
/// The request's body on its way, and a copy of what has left as long as another attempt may need it: until the response begins, the body grows too long, or it turns out to have
/// trailers.
/// </content>
internal sealed partial class Exchange
{
    private ByteBuffer? _keptBody;
    private bool _bodyBlocked; // the upstream side refused more while it was given what had been kept

    /// <summary>The stream is about to give body bytes. True: it keeps the head until <see cref="DownstreamStream.ReleaseHead"/>, because the request may be sent again.</summary>
    public bool OnBodyBegins()
    {
        if (_keptBody is null && _phase == Phase.Sent && _progress != RequestProgress.BodySent && MayBeSentAgain) _keptBody = _context.KeptBodies.TryRent();
        if (_keptBody is not null) return true;
        _progress = RequestProgress.BodySent;
        return false;
    }

    /// <summary>Body bytes from the client. False: give no more until <see cref="DownstreamStream.ResumeBody"/>.</summary>
    public bool OnRequestBody(ReadOnlySpan<byte> data)
    {
        _lastActivityMs = _context.Worker.NowMs;
        _record.BytesReceived += data.Length;
        if (_keptBody is { } kept && !_context.KeptBodies.TryAppend(kept, data)) BodyIsGone();
        // Once the response is complete nobody takes the rest; the stream's end closes the connection.
        if (_upstream is not { } upstream)
            return _phase == Phase.Idle ? true : throw new InvalidOperationException($"body bytes came while nobody took them ({_phase})"); // passed over in silence they would be missing
        var more = upstream.WriteBody(data);
        if (ReferenceEquals(_upstream, upstream)) return more;
        // The attempt failed in this call. The next one has been given the kept bytes already, these among them, or will be.
        return _phase is not (Phase.AwaitingConnection or Phase.BackingOff) && !_bodyBlocked;
    }

    public void OnRequestEnd(in Trailers trailers)
    {
        if (!trailers.IsEmpty) BodyIsGone();
        _requestComplete = true;
        _requestCompleteMs = _context.Worker.NowMs;
        ScheduleTimer();
        if (_upstream is null) return;
        _upstream.WriteEnd(trailers);
        _upstream?.Flush();
        if (_isTunnel) TunnelSideEnded();
    }

    public void FlushUpstream() => _upstream?.Flush();

    /// <summary>The upstream side takes body bytes again.</summary>
    public void OnUpstreamWritable()
    {
        _lastActivityMs = _context.Worker.NowMs;
        _bodyBlocked = false;
        if (_requestComplete)
        {
            if (_isTunnel) TunnelSideEnded();
            return;
        }
        _downstream.ResumeBody();
        FlushUpstream(); // what had waited at the stream is no event of its connection, which would flush
    }

    /// <summary>With a policy that allows a second attempt; without one where the peer can prove that it did not act on the request.</summary>
    private bool MayBeSentAgain => _action!.Retry is { } policy ? policy.NumRetries > 0 : _upstream!.TellsUnprocessed;

    /// <summary>Gives the attempt at hand the body bytes that the one before was given. False: it failed in this call.</summary>
    private bool SendKeptBody(UpstreamStream upstream)
    {
        _bodyBlocked = false;
        if (_keptBody is not { IsEmpty: false } kept) return true;
        _bodyBlocked = !upstream.WriteBody(kept.Readable);
        return ReferenceEquals(_upstream, upstream);
    }

    /// <summary>The body that has left is not kept any more: the request cannot be sent again, whatever becomes of this attempt.</summary>
    private void BodyIsGone()
    {
        _progress = RequestProgress.BodySent;
        if (_keptBody is null) return;
        DropKeptBody();
        _downstream.ReleaseHead();
    }

    private void DropKeptBody()
    {
        if (_keptBody is not { } kept) return;
        _keptBody = null;
        _context.KeptBodies.Return(kept);
    }
}
