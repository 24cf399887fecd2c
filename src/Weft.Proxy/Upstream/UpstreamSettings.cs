using Weft.Routing.Protocols;

namespace Weft.Proxy.Upstream;

/// <summary>What upstream connections keep to where no xDS field says it.</summary>
internal sealed record UpstreamSettings
{
    /// <summary>A connection's maximum age and maximum requests are each shortened by a random part of up to this share, 0 to 1, so that connections that were opened
    /// together (a deployment, a fleet after an outage) are not replaced together. Default 0.1.</summary>
    public double Jitter { get; init; } = 0.1;

    /// <summary>A connection to a Weft proxy takes no new request after this. Default 1 h.</summary>
    public TimeSpan MeshMaxAge { get; init; } = TimeSpan.FromHours(1);

    /// <summary>A connection takes no new request for this long before either side's certificate ends. Default 1 s.</summary>
    public TimeSpan CertificateMargin { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long one address of an endpoint is tried alone before the next one is tried beside it (RFC 8305 section 5: 100 ms to 2 s). Default 250 ms.</summary>
    public TimeSpan NextAddressDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A connection that a PROXY header has announced for one client is closed when that client has not used it for this long: nobody else may. Default 5 s.</summary>
    public TimeSpan AnnouncedIdle { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Share, 0 to 1, of the time after which an endpoint closes idle connections (announced or learned) for which they are used again; the rest is what
    /// a request may take on its way while the endpoint decides to close. Default 0.75.</summary>
    public double SafeIdleShare { get; init; } = 0.75;

    /// <summary>What was learned of an endpoint's idle closing is forgotten after this: the endpoint may have been configured anew. Default 10 min.</summary>
    public TimeSpan IdleMemory { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Bytes of one request's body that are kept until its response begins, so that it can be sent again; a longer body is sent once. Default 64 KiB, at most 1 MiB;
    /// 0 keeps none.</summary>
    public int KeptBodyBytes { get; init; } = 64 << 10;

    /// <summary>Bytes that one worker keeps of all bodies together, in blocks of 16 KiB. Default 16 MiB.</summary>
    public long KeptBodiesBytes { get; init; } = 16 << 20;

    /// <summary>Interim responses (1xx) that one request may get. Default 32.</summary>
    public int MaxInterimResponses { get; init; } = 32;

    /// <summary>PINGs on HTTP/2 connections to Weft proxies whose cluster says nothing of them. Default: after 15 s without a frame, given up 10 s later.</summary>
    public Http2Keepalive MeshKeepalive { get; init; } = new(TimeSpan.FromSeconds(15), 15, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(10));
}
