using Weft.Proxy.Buffers;
using Weft.Proxy.Upstream;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// One worker's request bodies that are kept until their response begins, so that a request whose attempt was provably not processed can be sent again whole: a gRPC call always has a
/// body. Bounded per request and in all; what does not fit is sent once, as a stream must be.
/// </summary>
internal sealed class KeptBodies(BufferPool buffers, UpstreamSettings settings)
{
    private long _bytes;

    /// <summary>An empty buffer for one request's body; null when as much is kept as may be.</summary>
    public ByteBuffer? TryRent()
    {
        if (_bytes + BufferPool.BlockBytes > settings.KeptBodiesBytes || settings.KeptBodyBytes == 0) return null;
        _bytes += BufferPool.BlockBytes;
        return buffers.Rent();
    }

    /// <summary>False: the body is longer than is kept, or all bodies together are. Nothing was copied.</summary>
    public bool TryAppend(ByteBuffer body, ReadOnlySpan<byte> data)
    {
        if (body.Length + data.Length > settings.KeptBodyBytes) return false;
        while (!body.TryAppend(data))
        {
            var before = body.Capacity;
            if (_bytes + before > settings.KeptBodiesBytes || !body.Grow(BufferPool.LargestBlockBytes)) return false;
            _bytes += body.Capacity - before;
        }
        return true;
    }

    public void Return(ByteBuffer body)
    {
        _bytes -= body.Capacity;
        buffers.Return(body);
    }
}
