using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Weft.Cli.Connecting;
using Weft.Resources;

namespace Weft.Cli.Running;

/// <summary>This run's place in the mesh: its Workload and the Lease that says it lives. The control plane may be away at any time; the
/// proxies go on, and this tries again until it is back.</summary>
public sealed class Registration(ControlClient control, WorkloadObjects objects, RunSettings settings, CliContext cli)
{
    private readonly string _workload = ApiPaths.Object(ResourceKinds.Workload, objects.Options.Namespace, objects.Name);
    private readonly string _lease = ApiPaths.Object(ResourceKinds.Lease, objects.Options.Namespace, objects.Name);
    private bool _healthy;
    private bool _away;
    private bool _drained;

    /// <summary>Namespace, ServiceAccount and Services where they are absent. What is there is somebody's, and stays as it is.</summary>
    public async Task EnsureServiceAsync(CancellationToken cancel)
    {
        var ns = objects.Options.Namespace;
        await control.CreateIfAbsentAsync(ResourceKinds.Namespace, "", Namespace(ns), cancel);
        await control.CreateIfAbsentAsync(ResourceKinds.ServiceAccount, ns, objects.ServiceAccount(), cancel);
        foreach (var service in objects.Services()) await control.CreateIfAbsentAsync(ResourceKinds.Service, ns, service, cancel);
    }

    /// <summary>What the sidecar shows once to get its certificate.</summary>
    public async Task<string> JoinTokenAsync(CancellationToken cancel)
    {
        var account = ApiPaths.Object(ResourceKinds.ServiceAccount, objects.Options.Namespace, objects.Options.ServiceAccount);
        var answer = await control.PostAsync($"{account}/token", new JsonObject(), cancel);
        return (string)answer["status"]!["token"]!;
    }

    /// <summary>Writes Workload and Lease as they should be now.</summary>
    public Task RegisterAsync(CancellationToken cancel) => control.PostAsync("/weft/v1/apply", new JsonObject
    {
        ["apiVersion"] = "v1", ["kind"] = "List",
        ["items"] = new JsonArray(objects.Workload(_healthy), objects.Lease(cli.Time.GetUtcNow(), settings.LeaseDuration)),
    }, cancel);

    /// <summary>The application listens: requests may come.</summary>
    public Task SetHealthyAsync(CancellationToken cancel)
    {
        _healthy = true; // first, so that a registration which follows a lost one says it too
        return PersistAsync(() => control.PatchAsync(_workload, WorkloadObjects.Health("Healthy"), cancel), cancel);
    }

    /// <summary>Renews the Lease until it is cancelled.</summary>
    public async Task KeepAliveAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(settings.LeaseRenewal, cli.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel)) await RenewAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            // the run ends
        }
    }

    /// <summary>Takes this workload out of everybody's sight and waits until nobody sends here, at most <see cref="RunSettings.Departure"/>.</summary>
    public async Task DrainAsync()
    {
        if (_drained) return;
        _drained = true;
        await BoundedAsync(async cancel =>
        {
            var changed = await control.PatchAsync(_workload, WorkloadObjects.Health("Draining"), cancel);
            var timeout = settings.Departure.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            await control.GetAsync($"/weft/v1/rollout?revision={changed["metadata"]!["resourceVersion"]}&timeout={timeout}", cancel, settings.Departure);
        });
    }

    /// <summary>Removes Workload and Lease, after everybody has seen them go.</summary>
    /// <returns>False when the control plane is away: the Lease runs out, and the next run removes both.</returns>
    public async Task<bool> RemoveAsync()
    {
        await DrainAsync();
        return await RemoveAsync(objects.Name, objects.Options.Namespace);
    }

    /// <summary>Removes what runs have left that could not do so themselves.</summary>
    public async Task RemoveAbandonedAsync(IEnumerable<(string Workload, string Namespace)> abandoned)
    {
        foreach (var (workload, ns) in abandoned) await RemoveAsync(workload, ns);
    }

    private Task<bool> RemoveAsync(string workload, string ns) => BoundedAsync(async cancel =>
    {
        await control.DeleteIfPresentAsync(ApiPaths.Object(ResourceKinds.Workload, ns, workload), cancel);
        await control.DeleteIfPresentAsync(ApiPaths.Object(ResourceKinds.Lease, ns, workload), cancel);
    });

    private async Task RenewAsync(CancellationToken cancel)
    {
        try
        {
            await control.PatchAsync(_lease, WorkloadObjects.Renewal(cli.Time.GetUtcNow()), cancel);
            if (_away) await cli.Error.WriteLineAsync("weft: the control plane is back");
            _away = false;
        }
        catch (RefusedException e) when (e.Status == HttpStatusCode.NotFound)
        {
            await PersistAsync(() => RegisterAsync(cancel), cancel); // the control plane lost it, or somebody deleted it: a running process says so again
        }
        catch (RefusedException e)
        {
            await cli.Error.WriteLineAsync($"weft: the lease was not renewed: {e.Message}");
        }
        catch (CliException e)
        {
            if (!_away) await cli.Error.WriteLineAsync($"weft: the control plane is away, the sidecar goes on without it ({e.Message.Split('\n')[0]})");
            _away = true;
        }
    }

    /// <summary>Until it succeeds: a write that the mesh needs must not be lost because the control plane is being restarted.</summary>
    private async Task PersistAsync(Func<Task> write, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await write();
                return;
            }
            catch (RefusedException e) when (e.Status == HttpStatusCode.NotFound)
            {
                await RegisterAsync(cancel);
                return;
            }
            catch (CliException)
            {
                await Task.Delay(settings.LeaseRenewal, cli.Time, cancel);
            }
        }
    }

    /// <summary>The end of a run must not hang on a control plane that is gone: the Lease runs out by itself.</summary>
    private async Task<bool> BoundedAsync(Func<CancellationToken, Task> work)
    {
        using var limit = new CancellationTokenSource(settings.Departure + TimeSpan.FromSeconds(1), cli.Time);
        try
        {
            await work(limit.Token);
            return true;
        }
        catch (Exception e) when (e is CliException or RefusedException or OperationCanceledException)
        {
            return false;
        }
    }

    private static JsonObject Namespace(string name) =>
        new() { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } };
}
