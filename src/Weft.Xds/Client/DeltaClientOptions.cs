namespace Weft.Xds;

/// <summary>Settings of a <see cref="DeltaClientStream"/>.</summary>
public sealed record DeltaClientOptions
{
    /// <summary>How long a subscription may stay unanswered before the resource counts as not existing. Default 15 s, the protocol's.</summary>
    public TimeSpan UnansweredTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Length of a NACK's <c>error_detail.message</c> beyond which the reasons in it are cut, in UTF-16 characters. Default 16,384.</summary>
    public int MaxErrorLength { get; init; } = 16_384;
}
