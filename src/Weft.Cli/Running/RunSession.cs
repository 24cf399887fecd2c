using System.Net;
using Weft.Cli.Connecting;
using Weft.Cli.Processes;

namespace Weft.Cli.Running;

/// <summary>One <c>weft run</c> from its first check to its last file.</summary>
public sealed class RunSession(RunOptions options, ControlClient control, DnsEndPoint xds, DataFolder data, RunSettings settings, CliContext cli)
{
    /// <summary>Runs the application in the mesh and returns its exit code.</summary>
    public async Task<int> RunAsync(CancellationToken cancel)
    {
        var program = Application.Find(options.Command[0], cli.Environment);
        if (!options.Transparent && options.Port is { } port && await Application.ListensAsync(port, cancel))
            throw new CliException($"port {port} is in use: another process would get the requests for {options.Service}; stop it, or choose another --port");

        using var signals = new SignalRelay();
        using var starting = CancellationTokenSource.CreateLinkedTokenSource(cancel, signals.Asked);
        using var reservation = new PortReservation();
        await using var place = options.Transparent ? await ApplicationNamespace.CreateAsync(cli) : null;
        var objects = Plan(reservation);
        var registration = new Registration(control, objects, settings, cli);
        await registration.RemoveAbandonedAsync(RunFolder.TakeAbandoned(data));
        var folder = RunFolder.Create(data, objects.Name, options.Namespace);
        try
        {
            await registration.EnsureServiceAsync(starting.Token);
            folder.WriteJoinToken(await registration.JoinTokenAsync(starting.Token));
            folder.WriteBootstrap(SidecarBootstrap.Create(SidecarNode.Of(objects, place), xds));
            await using var sidecar = new Sidecar(folder, $"{xds.Host}:{xds.Port}", objects.Ports.Admin, place, settings, cli);
            await sidecar.StartAsync(starting.Token);
            return await InMeshAsync(program, objects, registration, sidecar, place, folder, signals, starting.Token);
        }
        catch (OperationCanceledException) when (signals.Early is { } signal)
        {
            return 128 + signal;
        }
        finally
        {
            folder.Clear();
        }
    }

    /// <summary>From the sidecar's readiness to the application's end: registered, and known to live.</summary>
    private async Task<int> InMeshAsync(
        string program, WorkloadObjects objects, Registration registration, Sidecar sidecar, ApplicationNamespace? place, RunFolder folder, SignalRelay signals, CancellationToken starting)
    {
        using var ended = new CancellationTokenSource();
        folder.KeepName = true; // what follows must be taken back, by this run or by the next one
        var alive = Task.CompletedTask;
        try
        {
            await registration.RegisterAsync(starting);
            alive = registration.KeepAliveAsync(ended.Token);
            using var application = await Application.StartAsync(options, program, objects.Ports, place);
            signals.Attach(application, async () =>
            {
                await registration.DrainAsync(); // first nobody may be sent here any more; who still has a connection is told second
                await sidecar.DrainInboundAsync();
            });
            var announced = AnnounceAsync(registration, objects, place, ended.Token);
            var code = await application.Exited;
            await ended.CancelAsync();
            await announced;
            await ExplainAsync(code, folder);
            return code;
        }
        finally
        {
            await ended.CancelAsync();
            await alive;
            folder.KeepName = !await registration.RemoveAsync();
        }
    }

    private WorkloadObjects Plan(PortReservation reservation)
    {
        // Names and ports must differ between runs that start in the same instant: the seed is not the time.
        var random = new Random(System.Security.Cryptography.RandomNumberGenerator.GetInt32(int.MaxValue));
        var ports = new SidecarPorts(
            options.Port is null ? null : reservation.Take(IPAddress.Parse(options.Address), random),
            reservation.Take(IPAddress.Loopback, random),
            reservation.Take(IPAddress.Loopback, random));
        return new WorkloadObjects(options, WorkloadObjects.NewName(options, random), ports);
    }

    /// <summary>Invites requests once the application listens, and tells the person where everything is.</summary>
    private async Task AnnounceAsync(Registration registration, WorkloadObjects objects, ApplicationNamespace? place, CancellationToken cancel)
    {
        try
        {
            if (options.Port is { } port) await WaitForPortAsync(port, place, cancel);
            await registration.SetHealthyAsync(cancel);
            var ports = objects.Ports;
            var inbound = ports.Inbound is { } listen ? $"mesh traffic {options.Address}:{listen} to port {options.Port}, " : "";
            var outbound = options.Transparent ? "its TCP connections and name lookups are led through the sidecar" : $"http_proxy=http://127.0.0.1:{ports.Outbound}";
            await cli.Error.WriteLineAsync($"weft: {options.Namespace}/{objects.Name} is in the mesh: {inbound}{outbound}, admin http://127.0.0.1:{ports.Admin}");
        }
        catch (OperationCanceledException)
        {
            // the application ended first
        }
    }

    /// <summary>A connection that the sidecar refuses is a reset, which says nothing: the reason is in its log, and that goes with the run.</summary>
    private async Task ExplainAsync(int code, RunFolder folder)
    {
        var failed = code is > 0 and < 128; // not ended by a signal
        if (failed && folder.LogTail(5) is { Length: > 0 } said) await cli.Error.WriteLineAsync($"weft: {options.Command[0]} ended with {code}; the end of its sidecar's log:\n{said}");
    }

    private async Task WaitForPortAsync(int port, ApplicationNamespace? place, CancellationToken cancel)
    {
        var started = cli.Time.GetTimestamp();
        var hinted = false;
        while (!(place?.Listens(port) ?? await Application.ListensAsync(port, cancel)))
        {
            if (!hinted && cli.Time.GetElapsedTime(started) > settings.PortHint)
            {
                hinted = true;
                await cli.Error.WriteLineAsync($"weft: nothing listens on port {port} yet; {options.Service} takes no requests here until it does (is --port right?)");
            }
            await Task.Delay(settings.PortPoll, cli.Time, cancel);
        }
    }
}
