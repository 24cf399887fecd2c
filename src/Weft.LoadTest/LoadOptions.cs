namespace Weft.LoadTest;

/// <summary>What to send, how often and for how long.</summary>
public sealed record LoadOptions
{
    /// <summary>Absolute <c>http</c> URL of every request.</summary>
    public required Uri Target
    {
        get;
        init => field = value is { IsAbsoluteUri: true, Scheme: "http" } ? value
            : throw new ArgumentException($"the target must be an absolute http URL, not '{value}': TLS is what the mesh adds", nameof(Target));
    }

    /// <summary>Requests per second, 0.1 to 1,000,000; default 100. The schedule is fixed beforehand: a slow answer delays no later request.</summary>
    public double Rate
    {
        get;
        init => field = value is >= 0.1 and <= 1_000_000 ? value
            : throw new ArgumentOutOfRangeException(nameof(Rate), value, "the rate must be between 0.1 and 1,000,000 requests per second");
    } = 100;

    /// <summary>Keep-alive connections at most, 1 to 10,000; default 10. Each carries one request at a time; a request that finds all of them
    /// busy waits, and its wait is part of its latency.</summary>
    public int Connections
    {
        get;
        init => field = value is >= 1 and <= 10_000 ? value
            : throw new ArgumentOutOfRangeException(nameof(Connections), value, "connections must be between 1 and 10,000");
    } = 10;

    /// <summary>Measured time after the warm-up; default 10 seconds.</summary>
    public TimeSpan Duration
    {
        get;
        init => field = value > TimeSpan.Zero ? value
            : throw new ArgumentOutOfRangeException(nameof(Duration), value, "the duration must be positive");
    } = TimeSpan.FromSeconds(10);

    /// <summary>Load at the same rate before measuring begins; its requests appear in no number. Default none.</summary>
    public TimeSpan WarmUp
    {
        get;
        init => field = value >= TimeSpan.Zero ? value
            : throw new ArgumentOutOfRangeException(nameof(WarmUp), value, "the warm-up must not be negative");
    }

    /// <summary>A request not answered this long after its intended send time has failed; default 10 seconds.</summary>
    public TimeSpan Timeout
    {
        get;
        init => field = value > TimeSpan.Zero ? value
            : throw new ArgumentOutOfRangeException(nameof(Timeout), value, "the timeout must be positive");
    } = TimeSpan.FromSeconds(10);

    /// <summary>Request method; default GET.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>Header fields besides Host and Content-Length; a Host given here replaces the target's.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>Request body; none when empty.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>HTTP forward proxy: requests go there in absolute form (RFC 9112 section 3.2.2) and the target's name is not resolved here.</summary>
    public Uri? Proxy
    {
        get;
        init => field = value is null or { IsAbsoluteUri: true, Scheme: "http" } ? value
            : throw new ArgumentException($"the proxy must be an absolute http URL, not '{value}'", nameof(Proxy));
    }
}
