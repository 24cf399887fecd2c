namespace Weft.Routing.Listeners;

/// <summary>How it is found out whether a connection carries HTTP or bytes, on a chain that serves both (filter weft.v1.Detect). Immutable.</summary>
/// <param name="Limit">How long neither side may speak before the connection is taken to carry bytes. 1 ms to 10 s, default 100 ms.</param>
/// <param name="Remember">How long a verdict on a destination holds. At most a day, default 10 min; zero remembers nothing.</param>
public sealed record ProtocolDetection(TimeSpan Limit, TimeSpan Remember)
{
    public static ProtocolDetection Default { get; } = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10));
}
