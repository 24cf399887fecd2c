namespace Weft.Cli;

/// <summary>Ends the command with a message for the person: what went wrong and what to do next.</summary>
public sealed class CliException(string message, int exitCode = ExitCode.Failed) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Nothing answers at <paramref name="address"/>.</summary>
    public static CliException Unreachable(string address, string why) =>
        new($"no control plane answers at {address} ({why})\nstart it with `{CliContext.CommandName} up`, or name another one with --server URL", Cli.ExitCode.Unreachable);
}
