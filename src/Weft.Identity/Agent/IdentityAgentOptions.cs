namespace Weft.Identity;

/// <summary>Settings of <see cref="IdentityAgent"/>.</summary>
public sealed record IdentityAgentOptions
{
    /// <summary>The control plane's gRPC port as <c>host:port</c>.</summary>
    public required string ControlAddress { get; init; }

    /// <summary>Directory for key, chain and roots; made (0700) when absent. One process at a time.</summary>
    public required string KeysDirectory { get; init; }

    /// <summary>File with a join token, read at the first start and when a renewal is refused. Null when the directory holds a certificate already.</summary>
    public string? JoinTokenFile { get; init; }

    /// <summary>Life to ask for, in whole seconds. Default zero: what the authority gives.</summary>
    public TimeSpan RequestedLifetime { get; init; }

    /// <summary>How long one attempt may take, connection included. Up to one day. Default 10 seconds.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Upper bound of the first pause after a failed attempt. At least 10 milliseconds. Default half a second.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Upper bound of every pause between attempts, and so of how long healing takes after the control plane is back. Default 10 seconds.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the wall clock is looked at while waiting. Default 15 seconds: a laptop that wakes renews within that.</summary>
    public TimeSpan ClockCheckInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Both clocks.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Chance for jitter. Seed it differently in each process, or a fleet renews in step.</summary>
    public required Random Random { get; init; }

    /// <summary>Told of every failed attempt, in one sentence.</summary>
    public Action<string> Warn { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">A setting is out of range; the message names it.</exception>
    internal void Check()
    {
        Require(AttemptTimeout > TimeSpan.Zero && AttemptTimeout <= TimeSpan.FromDays(1), $"AttemptTimeout is {AttemptTimeout}: more than zero, at most one day");
        Require(RequestedLifetime >= TimeSpan.Zero, $"RequestedLifetime is {RequestedLifetime}: zero or more");
        Require(FirstRetry >= TimeSpan.FromMilliseconds(10), $"FirstRetry is {FirstRetry}: at least 10 milliseconds");
        Require(LongestRetry >= FirstRetry && LongestRetry <= TimeSpan.FromDays(1), $"LongestRetry is {LongestRetry}: from FirstRetry ({FirstRetry}) to one day");
        Require(ClockCheckInterval > TimeSpan.Zero && ClockCheckInterval <= TimeSpan.FromDays(1), $"ClockCheckInterval is {ClockCheckInterval}: more than zero, at most one day");

        static void Require(bool condition, string message)
        {
            if (!condition) throw new ArgumentException(message);
        }
    }
}
