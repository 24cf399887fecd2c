using System.Net;

namespace Weft.Routing.Clusters;

/// <summary>What one endpoint accumulates while assignments come and go: process-wide, changed with Interlocked by every worker.</summary>
public sealed class EndpointState(IPEndPoint address)
{
    private int _activeRequests;
    private int _activeConnections;
    private long _requests;
    private long _failures;

    public IPEndPoint Address { get; } = address;

    /// <summary>Requests on their way to this endpoint: what least request compares.</summary>
    public int ActiveRequests => Volatile.Read(ref _activeRequests);

    public int ActiveConnections => Volatile.Read(ref _activeConnections);

    /// <summary>Attempts ever begun.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Attempts that ended without a usable response.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    public void BeginRequest()
    {
        Interlocked.Increment(ref _activeRequests);
        Interlocked.Increment(ref _requests);
    }

    public void EndRequest(bool failed)
    {
        Interlocked.Decrement(ref _activeRequests);
        if (failed) Interlocked.Increment(ref _failures);
    }

    public void ConnectionOpened() => Interlocked.Increment(ref _activeConnections);

    public void ConnectionClosed() => Interlocked.Decrement(ref _activeConnections);
}
