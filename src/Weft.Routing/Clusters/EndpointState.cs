using System.Net;

namespace Weft.Routing.Clusters;

/// <summary>What one endpoint accumulates while assignments come and go: process-wide, changed with Interlocked by every worker.</summary>
public sealed class EndpointState(IPEndPoint address)
{
    private int _activeRequests;
    private int _activeConnections;
    private long _requests;
    private long _failures;
    private bool _turnsAway;

    public IPEndPoint Address { get; } = address;

    /// <summary>Requests on their way to this endpoint: what least request compares.</summary>
    public int ActiveRequests => Volatile.Read(ref _activeRequests);

    public int ActiveConnections => Volatile.Read(ref _activeConnections);

    /// <summary>Attempts ever begun.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Attempts that ended without a usable response.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>The last attempt here was provably not processed: nobody listens, or the stream was refused. A retry that has no better endpoint than such
    /// ones adds load without a prospect.</summary>
    public bool TurnsAway
    {
        get => Volatile.Read(ref _turnsAway);
        set
        {
            if (_turnsAway != value) Volatile.Write(ref _turnsAway, value); // written by every answer: the cache line stays shared while nothing changes
        }
    }

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
