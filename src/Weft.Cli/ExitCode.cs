namespace Weft.Cli;

/// <summary>What a script can rely on.</summary>
public static class ExitCode
{
    public const int Ok = 0;

    /// <summary>The thing failed: a refused file, an object that is not there, a proxy that did not acknowledge.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>No control plane answers.</summary>
    public const int Unreachable = 3;

    /// <summary><c>weft run</c>: the command is there and cannot be executed; as shells say it.</summary>
    public const int CannotExecute = 126;

    /// <summary><c>weft run</c>: the command is not there; as shells say it.</summary>
    public const int NotFound = 127;
}
