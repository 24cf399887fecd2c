using System.CommandLine;
using Microsoft.Extensions.Logging;
using Weft.Cli.Connecting;
using Weft.Cli.Demo;
using Weft.Cli.Hosting;
using Weft.Cli.Output;
using Weft.Cli.Processes;

namespace Weft.Cli.Verbs;

/// <summary><c>weft up</c>: a mesh on this machine.</summary>
internal static class UpVerb
{
    public static Command Create(CliContext cli)
    {
        var demo = new Option<bool>("--demo") { Description = "Also run the Bookshop: seven processes that call each other, each with a sidecar" };
        var detach = new Option<bool>("--detach", "-d") { Description = "Return when it serves and leave it running" };
        var command = new Command("up", "Start a mesh on this machine: the control plane, with --demo also an application to play with") { demo, detach };
        var control = new ControlOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            var data = control.Data(parsed, cli);
            if (!parsed.GetValue(detach)) return await InForegroundAsync(control, parsed, data, parsed.GetValue(demo), cli, cancel);
            ControlHost.Check(control.Read(parsed, data), cli); // here, where a person reads it and not a log
            var running = await DetachedUp.StartAsync(data, control.Arguments(parsed, data), parsed.GetValue(demo), cli, cancel);
            await cli.Out.WriteAsync(Greeting(running.Api, running.Xds, data, cli, "It runs in the background; " + data.Command("down", cli) + " ends it."));
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<int> InForegroundAsync(ControlOptions options, ParseResult parsed, DataFolder data, bool withDemo, CliContext cli, CancellationToken cancel)
    {
        using var signals = new EndSignals();
        await using var plane = await ControlHost.StartAsync(options.Read(parsed, data), LogLevel.Warning, cli, cancel);
        if (!withDemo)
        {
            await cli.Out.WriteAsync(Greeting(plane.ApiAddress.ToString(), plane.XdsAddress.ToString(), data, cli, "Ctrl-C ends it."));
            await signals.WaitAsync();
            return ExitCode.Ok;
        }
        using var client = new ControlClient(new Uri($"http://{plane.ApiAddress}"), cli) { Where = data.Where(cli) };
        await using var bookshop = new BookshopDemo(data, client, cli);
        await cli.Out.WriteLineAsync($"Weft is up at http://{plane.ApiAddress}; starting the Bookshop: {DemoServices.All.Length} processes, each with a sidecar of its own");
        try
        {
            await bookshop.StartAsync(signals.Asked);
            await bookshop.ShowAsync(signals.Asked);
        }
        catch (OperationCanceledException) when (signals.Asked.IsCancellationRequested)
        {
            // asked to end while it was starting
        }
        catch (RefusedException e)
        {
            throw new CliException(e.Message);
        }
        await cli.Out.WriteLineAsync(cli.OutIsTerminal ? "\nending" : "ending"); // after the ^C that the terminal shows
        return ExitCode.Ok;
    }

    private static string Greeting(string api, string xds, DataFolder data, CliContext cli, string ending) => $"""
        {Style.Heading.Paint("Weft is up", cli.OutIsTerminal)}: API http://{api}, proxies connect to {xds}, state in {data.Path}

        Run a service in the mesh:
          {data.Command("run", cli)} --service hello --port 8080 -- python3 -m http.server 8080
        Call it from another one:
          {data.Command("run", cli)} --service me -- curl -s http://hello/
        See both:
          {data.Command("status", cli)}
          {data.Command("stat", cli)}
        {ending}

        """;
}
