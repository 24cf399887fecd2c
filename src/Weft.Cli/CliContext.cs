namespace Weft.Cli;

/// <summary>What a command sees of the world: its streams, its clock, its environment, its network. Tests give it another world.</summary>
public sealed record CliContext
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    public required TextReader In { get; init; }

    /// <summary>True when a person watches: live views and colours. Otherwise output is plain text for a pipe.</summary>
    public required bool OutIsTerminal { get; init; }

    public required bool ErrorIsTerminal { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Reads an environment variable; null when it is unset.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Makes the handler that reaches the control plane.</summary>
    public required Func<HttpMessageHandler> Network { get; init; }

    /// <summary>In which the <c>./weft</c> script says how the person called it.</summary>
    public const string CommandVariable = "WEFT_COMMAND";

    /// <summary>How the person calls this program, to print commands that work when they are copied.</summary>
    public static string CommandName => System.Environment.GetEnvironmentVariable(CommandVariable) is { Length: > 0 } name ? name : "weft";

    public static CliContext OfThisProcess()
    {
        var plain = System.Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || System.Environment.GetEnvironmentVariable("TERM") == "dumb";
        return new CliContext
        {
            Out = Console.Out,
            Error = Console.Error,
            In = Console.In,
            OutIsTerminal = !plain && !Console.IsOutputRedirected,
            ErrorIsTerminal = !plain && !Console.IsErrorRedirected,
            Time = TimeProvider.System,
            Environment = System.Environment.GetEnvironmentVariable,
            // Without a proxy, whatever http_proxy says: a command started by an application of the mesh must reach the control plane itself.
            Network = () => new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) },
        };
    }
}
