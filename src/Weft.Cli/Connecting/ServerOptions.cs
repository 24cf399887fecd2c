using System.CommandLine;
using Weft.Cli.Output;

namespace Weft.Cli.Connecting;

/// <summary>The two options that say which control plane a command speaks to.</summary>
public sealed class ServerOptions
{
    private readonly Option<string?> _server = new("--server")
    {
        Description = "Address of the control plane's API, as http://127.0.0.1:15010 (default: WEFT_SERVER, else what runs on the data folder)",
        HelpName = "URL",
    };

    private readonly Option<string?> _data = DataOption();

    /// <summary>Adds both to a command.</summary>
    public ServerOptions(Command command)
    {
        command.Options.Add(_server);
        command.Options.Add(_data);
    }

    public static Option<string?> DataOption() => new("--data")
    {
        Description = "Folder of the control plane's state (default: WEFT_DATA, else ~/.weft)",
        HelpName = "DIR",
    };

    public DataFolder Data(ParseResult parsed, CliContext cli) => DataFolder.Find(parsed.GetValue(_data), cli.Environment);

    /// <summary>A client for the control plane that the options, the environment or the data folder name.</summary>
    /// <exception cref="CliException">None of them names one.</exception>
    public ControlClient Connect(ParseResult parsed, CliContext cli)
    {
        var given = parsed.GetValue(_server) ?? cli.Environment("WEFT_SERVER");
        if (!string.IsNullOrEmpty(given)) return new ControlClient(ParseUrl(given), cli) { Where = Where(parsed, cli) };
        var data = Data(parsed, cli);
        var remedy = $"start it with `{data.Command("up", cli)}`";
        return RunningControl.Find(data) is { } control
            ? new ControlClient(new Uri("http://" + control.Api), cli) { Xds = control.Xds, Where = Where(parsed, cli), Remedy = remedy }
            : throw new CliException($"no control plane runs on {data.Path}\n{remedy}, or name another one with --server URL", ExitCode.Unreachable);
    }

    /// <summary>What a printed command must carry to reach the same control plane.</summary>
    public string Where(ParseResult parsed, CliContext cli)
    {
        if (parsed.GetValue(_server) is { Length: > 0 } server) return $" --server {ShellWord.Quote(server)}";
        return string.IsNullOrEmpty(cli.Environment("WEFT_SERVER")) ? Data(parsed, cli).Where(cli) : "";
    }

    private static Uri ParseUrl(string text)
    {
        var url = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        return Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new CliException($"\"{text}\" is not an address: write http://HOST:PORT", ExitCode.Usage);
    }
}
