using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Cli.Output;
using Weft.Cli.Running;
using Weft.Resources;

namespace Weft.Cli.Verbs;

/// <summary><c>weft bootstrap WORKLOAD --out DIR</c>: what the sidecar of a Workload is started with, where <c>weft run</c> does not start it.</summary>
internal static class BootstrapVerb
{
    public static Command Create(CliContext cli)
    {
        var name = new Argument<string>("WORKLOAD") { Description = "Workload whose sidecar it is" };
        var ns = KindArgument.Namespace();
        var folder = new Option<string>("--out") { Description = "Folder for bootstrap.json and join-token, which works once and for ten minutes; take it to the workload's machine", HelpName = "DIR", Required = true };
        var xds = new Option<string?>("--xds") { Description = "Where the sidecar connects to the control plane (default: what the control plane says)", HelpName = "HOST:PORT" };
        var transparent = new Option<bool>("--transparent") { Description = "The sidecar takes what `weft intercept install` redirects on its machine: connections at port 15001, questions for names at 15053. One sidecar of a machine does" };
        var command = new Command("bootstrap", "Write what the sidecar of a Workload is started with, and say how: for a machine of its own, where `weft run` does not start it") { name, ns, folder, xds, transparent };
        var server = new ServerOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var control = server.Connect(parsed, cli);
            var proxies = await RunVerb.ProxyAddressAsync(parsed.GetValue(xds), control, cancel);
            var json = await GetVerb.GetAsync(control, ApiPaths.Object(ResourceKinds.Workload, parsed.GetValue(ns)!, parsed.GetValue(name)!), ControlClient.Json, cancel);
            var workload = (Workload)ResourceReader.ReadJson(json.AsObject(), parsed.GetValue(name)!).Resources.Single();
            var node = SidecarNode.Of(workload, parsed.GetValue(transparent));
            if (OnlyHere(proxies.Host) && !OnlyHere(node.Address))
                throw new CliException($"the machine of {node.Workload} ({node.Address}) cannot reach the control plane at {proxies.Host}:{proxies.Port}\nstart it with --xds IP:PORT, an address that machines reach, or name one here with --xds HOST:PORT");

            var path = Path.GetFullPath(parsed.GetValue(folder)!);
            DataFolder.CreatePrivate(path);
            var token = await TokenAsync(control, node, cancel);
            RunFolder.WritePrivate(Path.Combine(path, "bootstrap.json"), SidecarBootstrap.Create(node, proxies).ToJsonString() + "\n");
            RunFolder.WritePrivate(Path.Combine(path, "join-token"), token);
            await cli.Out.WriteAsync(NextSteps(node, parsed.GetValue(folder)!, proxies));
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>How to go on, to be copied.</summary>
    internal static string NextSteps(SidecarNode node, string folder, DnsEndPoint proxies)
    {
        var place = ShellWord.Quote(folder);
        var inbound = string.Concat(node.Inbound.Select(i => string.Create(CultureInfo.InvariantCulture, $" --inbound {i.Port}:{i.Listen}")));
        var text = $"""
            wrote bootstrap.json and join-token (works once, for ten minutes) to {place}
            on the machine {node.Address}, as a user of the proxy's own:
              weft proxy --bootstrap {place}/bootstrap.json --identity {proxies.Host}:{proxies.Port} --join-token-file {place}/join-token --keys {place}/keys --cache {place}/cache

            """;
        if (node.Redirected is not null) return $"{text}then, as root:\n  weft intercept install{inbound}\n";
        return inbound.Length == 0 ? text : $"{text}what comes to its ports is led there when the machine's `weft intercept install` has{inbound}\n";
    }

    private static async Task<string> TokenAsync(ControlClient control, SidecarNode node, CancellationToken cancel)
    {
        try
        {
            var account = ApiPaths.Object(ResourceKinds.ServiceAccount, node.Namespace, node.ServiceAccount);
            return (string)(await control.PostAsync($"{account}/token", new JsonObject(), cancel))["status"]!["token"]!;
        }
        catch (RefusedException e)
        {
            throw new CliException(e.Message);
        }
    }

    /// <summary>An address that means another machine on each, or none.</summary>
    private static bool OnlyHere(string host) => IPAddress.TryParse(host, out var address) && (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
}
