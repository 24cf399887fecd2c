using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Transport;
using Weft.Routing.Clusters;

namespace Weft.Proxy.Upstream;

/// <summary>How old a connection may get, in time and in requests, decided when it opens.</summary>
/// <param name="ExpiresMs">When it takes no more requests, on the worker's clock.</param>
/// <param name="MaxRequests">How many it takes in all.</param>
internal readonly record struct ConnectionLifetime(long ExpiresMs, int MaxRequests)
{
    public static ConnectionLifetime Of(Cluster cluster, TransportBinding transport, Channel channel, WorkerContext context)
    {
        var settings = context.UpstreamSettings;
        var now = context.Worker.NowMs;
        var age = cluster.MaxConnectionDuration == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : cluster.MaxConnectionDuration;
        if (transport.IsMesh && settings.MeshMaxAge < age) age = settings.MeshMaxAge;
        var expires = age == TimeSpan.MaxValue ? long.MaxValue : now + Shortened((long)age.TotalMilliseconds, context);
        if (transport.IsMesh)
        {
            // Both verified the other's certificate once: what it proved ends with it.
            expires = Math.Min(expires, CertificateEnd(channel.Peer?.NotAfter, context));
            expires = Math.Min(expires, CertificateEnd(transport.Context?.Certificate?.NotAfter, context));
        }
        var requests = cluster.MaxRequestsPerConnection == 0 ? int.MaxValue : (int)Shortened(cluster.MaxRequestsPerConnection, context);
        return new ConnectionLifetime(expires, requests);
    }

    private static long Shortened(long limit, WorkerContext context) => limit - (long)(limit * context.UpstreamSettings.Jitter * context.Chance.Unit());

    private static long CertificateEnd(DateTimeOffset? end, WorkerContext context) => end is null
        ? long.MaxValue
        : context.Worker.NowMs + (long)(end.Value - context.Worker.Time.GetUtcNow() - context.UpstreamSettings.CertificateMargin).TotalMilliseconds;
}
