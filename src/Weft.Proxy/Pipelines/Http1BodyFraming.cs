using Weft.Proxy.Buffers;
using Weft.Proxy.Http1;
using Weft.Proxy.Transport;
using Weft.Routing.Headers;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// How the body that we write tells its end. Chosen anew at each hop from what the message is and what the receiver understands; the sender's own
/// framing is never passed on (RFC 9112 section 6).
/// </summary>
internal readonly struct Http1BodyFraming
{
    private readonly BodyKind _kind;

    private Http1BodyFraming(BodyKind kind, long length)
    {
        _kind = kind;
        Length = length;
    }

    public BodyKind Kind => _kind;

    /// <summary>Value for Content-Length; -1 writes none. Also set where no body follows but its length is told (HEAD, 304).</summary>
    public long Length { get; }

    /// <summary>The receiver finds the end by the connection's end.</summary>
    public bool EndsWithConnection => _kind == BodyKind.UntilClose;

    public static Http1BodyFraming ForRequest(bool hasBody, long declaredLength) =>
        !hasBody ? new(BodyKind.None, declaredLength) : declaredLength >= 0 ? new(BodyKind.Length, declaredLength) : new(BodyKind.Chunked, -1);

    /// <param name="head">The response as it came.</param>
    /// <param name="client">An HTTP/1.0 client knows no chunks.</param>
    public static Http1BodyFraming ForResponse(in ResponseHead head, HttpVersion client) => head.Body switch
    {
        // RFC 9110 section 8.6: no Content-Length in 1xx and 204; elsewhere without a body it tells what the body would have been.
        BodyKind.None => new(BodyKind.None, head.Status is 204 or < 200 ? -1 : head.ContentLength),
        BodyKind.Length => new(BodyKind.Length, head.ContentLength),
        _ => new(client == HttpVersion.Http10 ? BodyKind.UntilClose : BodyKind.Chunked, -1),
    };

    /// <summary>Bytes after a switch of protocols: as they come, until our direction of the connection ends.</summary>
    public static Http1BodyFraming Tunnel { get; } = new(BodyKind.UntilClose, -1);

    public void WriteFields(ref HeadWriter writer)
    {
        if (_kind == BodyKind.Chunked) writer.Chunked();
        else if (Length >= 0) writer.ContentLength(Length);
    }

    /// <summary>Takes all of <paramref name="data"/>; WouldBlock: the rest is queued, give no more.</summary>
    public IoStatus WriteBody(ref OutputQueue output, Channel channel, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty || _kind == BodyKind.None) return IoStatus.Ok;
        if (_kind != BodyKind.Chunked) return output.Write(channel, data);
        output.Commit(ChunkedWriter.WritePrefix(output.Reserve(ChunkedWriter.MaxPrefixLength), data.Length));
        var status = output.Write(channel, data);
        if (status != IoStatus.Failed) output.Append(ChunkedWriter.Suffix);
        return status;
    }

    public void WriteEnd(ref OutputQueue output, in Trailers trailers)
    {
        if (_kind != BodyKind.Chunked) return;
        if (trailers.IsEmpty)
        {
            output.Append(ChunkedWriter.Last);
            return;
        }
        output.Append(ChunkedWriter.LastBeforeTrailers);
        var space = output.Reserve(Fields.SizeOf(trailers.Fields, HeaderMutations.None) + 2);
        var writer = new HeadWriter(space);
        foreach (ref readonly var field in trailers.Fields) writer.Field(trailers.Buffer, field);
        writer.End();
        output.Commit(writer.Written);
    }
}
