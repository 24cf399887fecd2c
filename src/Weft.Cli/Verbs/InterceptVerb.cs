using System.CommandLine;
using Weft.Cli.Interception;
using Weft.Cli.Output;

namespace Weft.Cli.Verbs;

/// <summary><c>weft intercept install|remove|show</c>: leads the connections of a network namespace to the proxy.</summary>
internal static class InterceptVerb
{
    public static Command Create(CliContext cli) => new("intercept", "Lead the connections of this machine, or of a network namespace, through a proxy, with no change to programs (root)")
    {
        Install(cli), Remove(cli), Show(cli),
    };

    private static Command Install(CliContext cli)
    {
        var place = new PlaceOptions();
        var options = new PlanOptions();
        var force = new Option<bool>("--force") { Description = "Also when nothing listens on the ports: everything is refused until something does" };
        var command = new Command("install", "Redirect TCP connections and questions of the domain name system to the proxy, in one step; other UDP, ICMP and what goes to loopback are left alone");
        place.AddTo(command);
        options.AddTo(command);
        command.Options.Add(force);
        command.SetAction(async (parsed, _) =>
        {
            var plan = options.Read(parsed, place.Name(parsed));
            var (netns, rules) = place.Find(parsed, cli);
            var listening = netns.Look(() => ListeningSockets.Of("/proc/thread-self/net"));
            if (!plan.ExcludesProxy) plan = plan with { ExcludedUsers = [ProxyUser(plan, listening)] };
            var targets = RedirectTarget.Of(plan, listening);
            if (!parsed.GetValue(force) && targets.FirstOrDefault(t => !t.IsServed) is { } unserved)
                throw new CliException($"{unserved.Warning}\nnothing was changed: start the proxy first, or say --force");

            var (preferred, others) = (rules[0], rules.Skip(1));
            var same = await preferred.FindAsync() is { } installed && NftScript.Install(installed) == NftScript.Install(plan);
            if (!same) await preferred.InstallAsync(plan);
            foreach (var other in others) await other.RemoveAsync(); // one set of rules at a time, by whatever program the last one was made
            if (same) await cli.Out.WriteLineAsync("this was installed already; nothing was changed");
            await cli.Out.WriteAsync(new InterceptionReport(plan, preferred.Where, targets).Text(cli.OutIsTerminal));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Remove(CliContext cli)
    {
        var place = new PlaceOptions();
        var command = new Command("remove", "Remove every rule of Weft's and none of anybody else's");
        place.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var removed = false;
            foreach (var rules in place.Find(parsed, cli).Rules) removed |= await rules.RemoveAsync();
            await cli.Out.WriteLineAsync(removed ? "connections are no longer intercepted" : InterceptionReport.Nothing);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Show(CliContext cli)
    {
        var place = new PlaceOptions();
        var format = OutputFormat.Option(OutputFormat.Table, OutputFormat.Json);
        var command = new Command("show", "What is redirected where, what is left alone, and whether somebody listens") { format };
        place.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var (netns, all) = place.Find(parsed, cli);
            InterceptionReport? report = null;
            foreach (var rules in all)
            {
                if (report is not null || await rules.FindAsync() is not { } plan) continue;
                report = new InterceptionReport(plan, rules.Where, RedirectTarget.Of(plan, netns.Look(() => ListeningSockets.Of("/proc/thread-self/net"))));
            }
            if (parsed.GetValue(format) == OutputFormat.Json)
                await cli.Out.WriteLineAsync(OutputFormat.Indented(report?.Json() ?? InterceptionReport.NothingJson()));
            else
                await cli.Out.WriteAsync(report?.Text(cli.OutIsTerminal) ?? InterceptionReport.Nothing + "\n");
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Who takes the connections is who must not be led to itself.</summary>
    private static uint ProxyUser(RedirectPlan plan, IReadOnlyList<ListeningSocket> listening)
    {
        const string remedy = "say who the proxy is with --exclude-uid, --exclude-gid or --exclude-mark; nothing was changed";
        var socket = listening.FirstOrDefault(s => s.Port == plan.OutboundPort && !s.IsUdp) ?? throw new CliException($"nothing listens on port {plan.OutboundPort} (outbound)\nstart the proxy first, or {remedy}");
        return SocketHolder.User(socket.Inode) ?? throw new CliException($"the process that listens on port {plan.OutboundPort} (outbound) cannot be seen from here\n{remedy}");
    }
}
