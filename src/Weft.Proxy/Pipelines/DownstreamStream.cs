using Weft.Proxy.Listening;
using Weft.Proxy.Mesh;
using Weft.Proxy.Tcp;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// The client's side of one exchange: where its request comes from and its response goes to. An HTTP/1 connection is its own only stream;
/// a multiplexed connection has many. All calls happen on the worker that owns the connection.
/// </summary>
internal abstract class DownstreamStream
{
    /// <summary>The request's head. Valid until <see cref="ReleaseHead"/>: it is kept until nothing can ask for it again (a retry does).</summary>
    public abstract RequestHead Head { get; }

    /// <summary>The protocol that the request came in.</summary>
    public abstract HttpVersion Version { get; }

    /// <summary>The head's names take the case that the caller's proxy says they had, where this connection's protocol could not keep it.</summary>
    public virtual void RestoreNames(in MessageForm form) { }

    /// <summary>Whether a request body follows the head.</summary>
    public abstract bool HasBody { get; }

    /// <summary>Length of the request body when it was declared, else -1.</summary>
    public abstract long DeclaredLength { get; }

    /// <summary>True when the client asked for <c>100-continue</c> and waits for it.</summary>
    public abstract bool ExpectsContinue { get; }

    /// <summary>The client said <c>TE: trailers</c>.</summary>
    public abstract bool AcceptsTrailers { get; }

    /// <summary>The one protocol that the request asks to switch to (<c>websocket</c>); empty when it asks for none, for several, or in a way that is not to be
    /// honoured. Asked only while the head is held.</summary>
    public abstract ReadOnlySpan<byte> UpgradeProtocol { get; }

    /// <summary>The request is nothing but the wish to switch to <see cref="UpgradeProtocol"/> (extended CONNECT, RFC 8441): any 2xx says that it was granted.</summary>
    public virtual bool IsExtendedConnect => false;

    /// <summary>The request is a CONNECT: its authority is where the client wants a connection to.</summary>
    public abstract bool IsConnect { get; }

    /// <summary>The request's target is in absolute form (RFC 9112 section 3.2.2): the client knows that it talks to a proxy.</summary>
    public virtual bool HasAbsoluteTarget => false;

    /// <summary>Answers a CONNECT with success. What the client sends next is a new connection inside this one.</summary>
    public abstract void AcceptConnect();

    /// <summary>The connection that a CONNECT asks for: this one from now on, or one inside of it.</summary>
    public abstract DownstreamConnection ConnectInside();

    /// <summary>Answers a CONNECT with success, and gives what follows to <paramref name="server"/>.</summary>
    public abstract void AcceptConnect(IConnectServer server);

    /// <summary>The response whose head was just written switched protocols: from here on both directions are bytes without framing, each until its own end.</summary>
    public abstract void BeginTunnel();

    /// <summary>The head's bytes may be reused.</summary>
    public abstract void ReleaseHead();

    /// <summary>Body bytes may be given to the exchange, now and until it refuses some.</summary>
    public abstract void ResumeBody();

    /// <summary>Nobody takes body bytes: the attempt that took them has ended. What has arrived stays where it is until <see cref="ResumeBody"/>.</summary>
    public abstract void PauseBody();

    /// <summary>Passes an interim response (1xx) on, to clients that understand them.</summary>
    public abstract void WriteInterim(in ResponseHead head);

    /// <summary>Writes the head of the final response with the exchange's edits applied. False: it cannot be said in this protocol, nothing was written.</summary>
    public abstract bool WriteHead(in ResponseHead head, Exchange exchange);

    /// <summary>Takes all of <paramref name="data"/>. False: the client reads slowly, give no more until <see cref="Exchange.OnDownstreamWritable"/>.</summary>
    public abstract bool WriteBody(ReadOnlySpan<byte> data);

    /// <summary>The response is whole.</summary>
    public abstract void WriteEnd(in Trailers trailers);

    /// <summary>A response that this proxy makes: head and body at once.</summary>
    public abstract void WriteLocalReply(in LocalReply reply);

    /// <summary>Hands what was written to the transport. Called once per event, so that a head and a short body leave in one system call.</summary>
    public abstract void Flush();

    /// <summary>The response cannot be completed: the client must see that it is cut, never a whole message that is short.</summary>
    public abstract void Abort();

    /// <summary>The exchange has ended: its record is made, it holds nothing of the stream. The next request may start.</summary>
    public abstract void OnExchangeEnded();
}
