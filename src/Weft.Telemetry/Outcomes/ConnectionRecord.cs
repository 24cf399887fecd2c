using Weft.Telemetry.Metrics;

namespace Weft.Telemetry.Outcomes;

/// <summary>How one connection ended whose bytes were passed on unread: what <see cref="RequestRecord"/> is for a request. Nothing in it is allocated per connection.</summary>
public struct ConnectionRecord
{
    public Direction Direction { get; set; }

    public ChannelSecurity Security { get; set; }

    /// <summary>Why it ended before both sides had ended it, or was never made; <see cref="Fault.None"/> when both had. <see cref="Fault.Draining"/>: it was open when a
    /// drain was over, which is nobody's failure and is counted apart.</summary>
    public Fault Fault { get; set; }

    /// <summary>Calling service as <c>namespace/name</c>; null reads as <see cref="Vocabulary.Unknown"/>.</summary>
    public string? Source { get; set; }

    /// <summary>Called service as <c>namespace/name</c>; null reads as <see cref="Vocabulary.Unknown"/>.</summary>
    public string? Destination { get; set; }

    /// <summary>Version of the endpoint that took it; null or empty when it declares none.</summary>
    public string? DestinationVersion { get; set; }

    /// <summary>SPIFFE ID of the peer at the other end of the mesh hop; null on a plaintext hop.</summary>
    public string? PeerIdentity { get; set; }

    /// <summary>Microseconds from its acceptance to its end.</summary>
    public long TotalMicros { get; set; }

    /// <summary>Bytes that came from the caller.</summary>
    public long BytesReceived { get; set; }

    /// <summary>Bytes that were handed to the caller.</summary>
    public long BytesSent { get; set; }

    /// <summary>Endpoints that were tried; 0 when it was turned away before.</summary>
    public int Attempts { get; set; }

    public readonly EdgeKey Edge =>
        new(Direction, Source ?? Vocabulary.Unknown, Destination ?? Vocabulary.Unknown, DestinationVersion ?? "", Security);
}
