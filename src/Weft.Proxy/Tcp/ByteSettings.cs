namespace Weft.Proxy.Tcp;

/// <summary>What byte connections keep to where no xDS field says it.</summary>
internal sealed record ByteSettings
{
    /// <summary>How long a connection may go on whose filter chain is gone, or has another TLS configuration, and which cannot be told to go elsewhere; then it is reset.
    /// Default 10 min, Envoy's <c>--drain-time-s</c>.</summary>
    public TimeSpan SupersededTime { get; init; } = TimeSpan.FromMinutes(10);
}
