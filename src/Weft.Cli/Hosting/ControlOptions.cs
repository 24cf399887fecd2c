using System.CommandLine;
using System.Net;
using Weft.Cli.Connecting;
using Weft.Control;

namespace Weft.Cli.Hosting;

/// <summary>The options of a control plane in this process, shared by <c>weft up</c> and <c>weft control</c>.</summary>
public sealed class ControlOptions
{
    private readonly Option<string?> _data = ServerOptions.DataOption();

    private readonly Option<string> _api = AddressOption("--api", "Where people and scripts connect: resources, numbers, status", "127.0.0.1:15010");

    private readonly Option<string> _xds = AddressOption("--xds", "Where proxies connect: configuration, certificates, telemetry", "127.0.0.1:15012");

    private readonly Option<string> _trustDomain = new("--trust-domain")
    {
        Description = "Name that all identities share; fixed when the data folder is first used",
        HelpName = "NAME",
        DefaultValueFactory = _ => "weft.local",
    };

    public ControlOptions(Command command)
    {
        command.Options.Add(_data);
        command.Options.Add(_api);
        command.Options.Add(_xds);
        command.Options.Add(_trustDomain);
    }

    public DataFolder Data(ParseResult parsed, CliContext cli) => DataFolder.Find(parsed.GetValue(_data), cli.Environment);

    public ControlPlaneOptions Read(ParseResult parsed, DataFolder data) => new()
    {
        DataDirectory = data.Path,
        ApiAddress = Address(parsed, _api),
        XdsAddress = Address(parsed, _xds),
        TrustDomain = parsed.GetValue(_trustDomain)!,
    };

    /// <summary>As arguments again, for a process of its own.</summary>
    public IEnumerable<string> Arguments(ParseResult parsed, DataFolder data) =>
    [
        "--data", data.Path, "--api", parsed.GetValue(_api)!, "--xds", parsed.GetValue(_xds)!, "--trust-domain", parsed.GetValue(_trustDomain)!,
    ];

    private static Option<string> AddressOption(string name, string description, string byDefault) => new(name)
    {
        Description = $"{description}; port 0 takes a free one",
        HelpName = "IP:PORT",
        DefaultValueFactory = _ => byDefault,
    };

    private static IPEndPoint Address(ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) is { } text && text.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(text, out var address)
            ? address
            : throw new CliException($"{option.Name}: \"{parsed.GetValue(option)}\" is not IP:PORT", ExitCode.Usage);
}
