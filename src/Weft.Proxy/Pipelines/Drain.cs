namespace Weft.Proxy.Pipelines;

/// <summary>
/// Takes a data plane out of service in the order that loses no request: first what others call, told to go elsewhere by GOAWAY and <c>Connection: close</c>; the application beside the proxy
/// goes on calling out, until it has closed its connections or the time is nearly over. Listening goes on throughout: a connection that is on its way is served. Byte connections, which cannot be told anything,
/// go on until the time is over; then they are reset, and counted as ended by the drain.
/// </summary>
/// <param name="limit">Longest drain, from each of the two calls.</param>
/// <remarks>Leaving discovery comes before this and is not the proxy's to do: whoever started it takes the workload out of the mesh's sight and waits until nobody sends there.</remarks>
internal sealed class Drain(DataPlane plane, TimeSpan limit, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new(); // guards _inbound and _all
    private Task? _inbound;
    private Task? _all;

    /// <summary>Of the limit, what is kept for telling the application's connections to end: a quarter, at most 2 s.</summary>
    private TimeSpan Tail => Shortest(limit / 4);

    /// <summary>How long an idle connection may still be used: half of the limit, at most 2 s.</summary>
    private TimeSpan IdleGrace => Shortest(limit / 2);

    /// <summary>Drains what others call. Completes when no such connection is open, or at the limit. Asked again it is the same drain.</summary>
    public Task InboundAsync()
    {
        lock (_lock) return _inbound ??= RunAsync(DrainScope.Inbound, CancellationToken.None);
    }

    /// <summary>Drains everything, for the end of the process. Completes when no connection is open, at the limit, or when <paramref name="hurry"/> says that it has lasted long enough.</summary>
    public Task AllAsync(CancellationToken hurry)
    {
        lock (_lock) return _all ??= RunAsync(DrainScope.All, hurry);
    }

    private async Task RunAsync(DrainScope scope, CancellationToken hurry)
    {
        plane.BeginDrain(DrainScope.Inbound, IdleGrace);
        var started = time.GetTimestamp();
        var quietLooks = 0;
        while (time.GetElapsedTime(started) is var elapsed && elapsed < limit && !hurry.IsCancellationRequested)
        {
            if (scope == DrainScope.All && elapsed >= limit - Tail) plane.BeginDrain(DrainScope.All, IdleGrace);
            var (inbound, outbound) = await plane.CountConnectionsAsync().ConfigureAwait(false);
            var open = scope == DrainScope.All ? inbound + outbound : inbound;
            // Twice: between two looks a connection may have been in its handshake, which nothing counts yet.
            quietLooks = open == 0 ? quietLooks + 1 : 0;
            if (quietLooks == 2) return;
            await Task.Delay(Look, time, hurry).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await plane.EndDrainAsync(scope).ConfigureAwait(false);
    }

    private static TimeSpan Shortest(TimeSpan part) => part < TimeSpan.FromSeconds(2) ? part : TimeSpan.FromSeconds(2);
}
