namespace Weft.Xds;

/// <summary>What one client may cost. Exceeding one ends the stream with ResourceExhausted and the setting's name.</summary>
public sealed record DeltaServerLimits
{
    /// <summary>Names that one stream may subscribe to, all types together. Default 20,000.</summary>
    public int MaxSubscriptions { get; init; } = 20_000;

    /// <summary>Longest resource name, in UTF-16 characters. Default 1,024: names are kept for the life of the subscription.</summary>
    public int MaxNameLength { get; init; } = 1_024;

    /// <summary>Largest request, in bytes. Default 2 MiB, which holds the first request of a client with 20,000 resources. Give it to the
    /// framing too, so that a larger one is refused before it is parsed.</summary>
    public int MaxRequestBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>Requests that a stream may send between two responses. Default 10,000. A client is answered whenever it asks for something
    /// new, so only a flood of requests that ask for nothing comes near.</summary>
    public int MaxRequestsBetweenResponses { get; init; } = 10_000;

    /// <summary>Size at which a response is closed and the rest waits for its ACK, in bytes of resources. Default 2 MiB: gRPC clients refuse
    /// messages over 4 MiB unless told otherwise. A single larger resource is sent alone.</summary>
    public int MaxResponseBytes { get; init; } = 2 * 1024 * 1024;
}
