using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Net;
using Weft.Cli.Connecting;
using Weft.Cli.Running;
using Weft.Resources.Schema;

namespace Weft.Cli.Verbs;

/// <summary><c>weft run --service NAME --port N -- COMMAND</c>.</summary>
internal static class RunVerb
{
    public static Command Create(CliContext cli)
    {
        var service = new Option<string>("--service", "-s") { Description = "Service that the application is an instance of; created if absent", HelpName = "NAME", Required = true };
        var port = new Option<string?>("--port", "-p") { Description = "Loopback port that the application listens on (also in its PORT); without it the application is a pure client", HelpName = "N" };
        var protocol = new Option<string>("--protocol")
        {
            Description = "What it speaks there: http (any version), http2, grpc, tcp, tls. Callers reach tcp and tls under the port's own number, the others under 80", HelpName = "NAME", DefaultValueFactory = _ => "http",
        };
        protocol.AcceptOnlyFromAmong("http", "http2", "grpc", "tcp", "tls");
        var ns = KindArgument.Namespace();
        var version = new Option<string>("--version") { Description = "Version of the application; creates Service NAME-V beside NAME, to send shares of traffic to", HelpName = "V", DefaultValueFactory = _ => "" };
        var labels = new Option<string[]>("--label", "-l") { Description = "Further label of the workload, as team=shop; may be given several times", HelpName = "KEY=VALUE" };
        var upstreams = new Option<string[]>("--upstream") { Description = "Local port that leads to one service, for applications that use no proxy, as 7001:catalog:80", HelpName = "PORT:SERVICE:PORT" };
        var account = new Option<string?>("--service-account") { Description = "Identity that it runs under; created if absent (default: the service's name)", HelpName = "NAME" };
        var address = new Option<string>("--address") { Description = "IP address of this machine that other sidecars reach", HelpName = "IP", DefaultValueFactory = _ => "127.0.0.1" };
        var xds = new Option<string?>("--xds") { Description = "Where the sidecar connects to the control plane (default: what the control plane says)", HelpName = "HOST:PORT" };
        var transparent = new Option<bool>("--transparent")
        {
            Description = "Give the application a network namespace of its own, in which all its TCP connections and DNS questions lead to the sidecar, whether it knows of proxies or not (root). "
                + "Not carried: UDP but DNS, ICMP, and what listens on the machine's loopback. What the application leaves running ends with it",
        };
        var start = DurationOption.Create("--start-timeout", "How long the application waits for a sidecar that has a configuration", RunSettings.DefaultSidecarStart);
        var words = new Argument<string[]>("COMMAND") { Description = "The application and its arguments, after --", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run", "Run an application in the mesh, with a sidecar of its own: weft run --service web --port 8080 -- ./web")
        {
            service, port, protocol, ns, version, labels, upstreams, account, address, xds, transparent, start, words,
        };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var name = parsed.GetValue(service)!;
            if (!TextFormat.DnsLabel1035.Check(name)) throw Usage($"--service: \"{name}\" is no name of a service: {TextFormat.DnsLabel1035.Rule}");
            var options = new RunOptions
            {
                Service = name,
                Port = parsed.GetValue(port) is { } p ? Port(p, "--port") : null,
                Protocol = parsed.GetValue(protocol)!,
                Namespace = parsed.GetValue(ns)!,
                Version = parsed.GetValue(version)!,
                Labels = (parsed.GetValue(labels) ?? []).Select(Label).ToImmutableSortedDictionary(l => l.Key, l => l.Value, StringComparer.Ordinal),
                Upstreams = [.. (parsed.GetValue(upstreams) ?? []).Select(u => Upstream(u, parsed.GetValue(ns)!))],
                ServiceAccount = parsed.GetValue(account) ?? name,
                Address = IPAddress.TryParse(parsed.GetValue(address), out var ip) ? ip.ToString() : throw Usage($"--address: \"{parsed.GetValue(address)}\" is not an IP address"),
                Transparent = parsed.GetValue(transparent),
                Command = [.. parsed.GetValue(words)!],
            };
            using var control = server.Connect(parsed, cli);
            try
            {
                var proxies = await ProxyAddressAsync(parsed.GetValue(xds), control, cancel);
                var settings = new RunSettings { SidecarStart = parsed.GetValue(start) ?? RunSettings.DefaultSidecarStart };
                return await new RunSession(options, control, proxies, server.Data(parsed, cli), settings, cli).RunAsync(cancel);
            }
            catch (RefusedException e)
            {
                throw new CliException(e.Message);
            }
        });
        return command;
    }

    /// <summary>Where proxies connect: as given, else as the control plane says.</summary>
    internal static async Task<DnsEndPoint> ProxyAddressAsync(string? given, ControlClient control, CancellationToken cancel)
    {
        // Asked in any case: a control plane that is not there is found missing before anything is started.
        var health = await control.GetAsync("/weft/v1/health", cancel);
        var text = given ?? control.Xds ?? (string?)health["xds"] ?? throw new CliException($"{control.Address} does not say where proxies connect: name it with --xds HOST:PORT");
        return text.LastIndexOf(':') is > 0 and var colon && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? new DnsEndPoint(text[..colon].Trim('[', ']'), port)
            : throw Usage($"\"{text}\" is not HOST:PORT");
    }

    internal static KeyValuePair<string, string> Label(string text) =>
        text.Split('=') is [{ Length: > 0 } key, var value] ? KeyValuePair.Create(key, value) : throw Usage($"--label: \"{text}\" is not KEY=VALUE");

    /// <summary>PORT:SERVICE[.NAMESPACE]:PORT.</summary>
    internal static Upstream Upstream(string text, string ns) => text.Split(':') switch
    {
        [var local, { Length: > 0 } service, var port] =>
            new Upstream(Port(local, "--upstream"), $"{(service.Contains('.', StringComparison.Ordinal) ? service : $"{service}.{ns}")}:{Port(port, "--upstream")}"),
        _ => throw Usage($"--upstream: \"{text}\" is not PORT:SERVICE:PORT, as 7001:catalog:80"),
    };

    private static int Port(string text, string option) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
            ? port
            : throw Usage($"{option}: \"{text}\" is no port (1 to 65535)");

    private static CliException Usage(string message) => new(message, ExitCode.Usage);
}
