namespace Weft.Cli;

/// <summary>Ends the command with a message for the person: what went wrong and what to do next.</summary>
public sealed class CliException(string message, int exitCode = ExitCode.Failed) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
