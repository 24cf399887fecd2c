namespace Weft.Proxy.Pipelines;

/// <summary>The called workload's side of one attempt of an exchange. Same worker, same thread as the client's side.</summary>
internal abstract class UpstreamStream
{
    /// <summary>True when the connection had carried a request before this one: when it breaks before any response byte, the peer had in all likelihood closed
    /// it, idle, before this one came (RFC 9112 section 9.3.1).</summary>
    public abstract bool IsReused { get; }

    /// <summary>The peer has words for "I did not act on this request" (HTTP/2, RFC 9113 section 8.7; the mark between Weft proxies).</summary>
    public abstract bool TellsUnprocessed { get; }

    /// <summary>Writes the request's head with the exchange's edits applied.</summary>
    public abstract void WriteHead(Exchange exchange);

    /// <summary>Takes all of <paramref name="data"/>. False: give no more until <see cref="Exchange.OnUpstreamWritable"/>.</summary>
    public abstract bool WriteBody(ReadOnlySpan<byte> data);

    /// <summary>The request is whole.</summary>
    public abstract void WriteEnd(in Trailers trailers);

    public abstract void Flush();

    /// <summary>Bytes that were taken have not left: releasing the stream now would lose them. Asked at the end of a tunnel.</summary>
    public abstract bool HasUnsent { get; }

    /// <summary>Response bytes may flow again after the client's side refused some.</summary>
    public abstract void ResumeBody();

    /// <summary>The exchange has what it needs. The connection is reused when both messages were whole, else closed.</summary>
    public abstract void Release(bool requestComplete, bool responseComplete);
}
