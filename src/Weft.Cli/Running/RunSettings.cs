namespace Weft.Cli.Running;

/// <summary>Times of <c>weft run</c>.</summary>
public sealed record RunSettings
{
    public static readonly TimeSpan DefaultSidecarStart = TimeSpan.FromSeconds(30);

    /// <summary>Between two signs of life. Default 5 s.</summary>
    public TimeSpan LeaseRenewal { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>After this without one, the workload takes no more requests. Whole seconds, default 15 s.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the application waits for a sidecar that has a configuration. Default 30 s.</summary>
    public TimeSpan SidecarStart { get; init; } = DefaultSidecarStart;

    /// <summary>Between two looks at a port that should open. Default 50 ms.</summary>
    public TimeSpan PortPoll { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>After this long without an open port a person is told. Default 10 s.</summary>
    public TimeSpan PortHint { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the departure waits until nobody sends here any more. Default 2 s.</summary>
    public TimeSpan Departure { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the sidecar may finish what it has when the application is gone. Default 2 s.</summary>
    public TimeSpan SidecarDrain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>First pause before a dead sidecar is started again; doubles up to <see cref="LongestRestartPause"/>. Default 100 ms.</summary>
    public TimeSpan RestartPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Default 5 s. A sidecar that lived that long starts the count anew.</summary>
    public TimeSpan LongestRestartPause { get; init; } = TimeSpan.FromSeconds(5);
}
