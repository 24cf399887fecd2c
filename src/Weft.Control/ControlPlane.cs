using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Control.Api;
using Weft.Control.Insights;
using Weft.Control.Model;
using Weft.Control.Serving;
using Weft.Control.Store;
using Weft.Control.Translation;
using Weft.Grpc;
using Weft.Identity;
using Weft.Resources;
using Weft.Telemetry.Metrics;
using Weft.Xds;

namespace Weft.Control;

/// <summary>
/// The whole control plane in one process: store, resource API, model, configuration streams, certificates and insight. This is where its parts are
/// put together; none of them knows more than what it is given here.
/// </summary>
public sealed partial class ControlPlane : IAsyncDisposable
{
    private readonly ControlPlaneOptions _options;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ResourceStore _store;
    private readonly CertificateAuthority _authority;
    private readonly ObjectService _objects;
    private readonly MeshReconciler _reconciler;
    private readonly StatusPublisher _statuses;
    private readonly AbandonedRuns _abandoned;
    private readonly XdsServer _xds;
    private readonly ApiServer _api;
    private readonly ControlFile _file;
    private readonly List<Task> _loops = [];
    private bool _stopped;

    private ControlPlane(ControlPlaneOptions options, ResourceStore store, CertificateAuthority authority, ObjectService objects, ILoggerFactory logs)
    {
        (_options, _store, _authority, _objects) = (options, store, authority, objects);
        _log = logs.CreateLogger<ControlPlane>();
        var time = options.Time;

        // Resources to mesh to configuration.
        var verdicts = new VerdictBoard(time);
        _reconciler = new MeshReconciler(store, verdicts, options.Serving, time, logs);
        var translator = new Translator();
        var proxies = new ProxyRegistry(time, options.RememberProxies);
        _statuses = new StatusPublisher(objects, _reconciler.Models, proxies, translator, options.Serving, time, logs);
        _abandoned = new AbandonedRuns(store, () => _reconciler.Abandoned, options.Serving, time, logs);

        // What proxies call: configuration, certificates, metrics.
        var tokens = new JoinTokenBook(new StoredJoinTokens(store), options.JoinTokenLifetime, time);
        var traffic = new TrafficWindow(time, options.Traffic);
        var certificates = new CertificateService(authority, tokens, () => RevocationSet.Empty, options.CertificateService, time);
        var ads = new AdsService(store, _reconciler.Models, translator, authority.Bundle, proxies, options.Serving, time, _stopping.Token, logs);
        var bundles = new TrustBundleSet(authority.Bundle);
        var tls = new ControlPlaneTls(authority, HostNames(options), () => bundles, options.CertificateService, time);
        _xds = new XdsServer(options.XdsAddress, tls, authority.Bundle, new GrpcServer<KestrelExchange>.Builder()
            .Stream(AdsMethods.Delta, ads.HandleAsync)
            .Unary(CertificateMethods.CreateCertificate, async (request, call, exchange) =>
            {
                try
                {
                    return await certificates.CreateAsync(new CertificateCaller(call.Metadata("authorization"), exchange.Identity?.Client), request, call.Cancellation);
                }
                catch (StoreUnavailableException e)
                {
                    // Using a join token up is a write. Renewals are none: on a full disk they go on.
                    throw new GrpcException(e.OutOfSpace ? GrpcStatusCode.ResourceExhausted : GrpcStatusCode.Unavailable, e.Message, e);
                }
            })
            .Unary(MetricsService.Export, new MetricsService(traffic, verdicts, _reconciler.Models).ExportAsync), options.Serving, time, logs);

        // What people call: resources and insight.
        var metrics = SelfMetrics.Create(time, store, _reconciler, translator, proxies, traffic);
        var insights = new InsightEndpoints(traffic, proxies, new Rollout(_reconciler.Mesh, proxies, time), _reconciler.Mesh, () => store.LastFailure, metrics);
        _api = new ApiServer(options.ApiAddress, objects, new TokenEndpoint(store, tokens, authority.TrustDomain, authority.RootPin), insights.All, time, options.Api, logs);
        _file = new ControlFile(options.DataDirectory);
    }

    /// <summary>Where the resource API listens; known after <see cref="StartAsync"/>.</summary>
    public IPEndPoint ApiAddress => _api.Address;

    /// <summary>Where proxies connect; known after <see cref="StartAsync"/>.</summary>
    public IPEndPoint XdsAddress => _xds.Address;

    /// <summary>Changes of objects, under the same rules as those of the API.</summary>
    public ObjectService Objects => _objects;

    /// <summary>Opens the folder and starts everything. When it returns the ports are open and <c>control.json</c> says which.</summary>
    /// <exception cref="StoreLockedException">Another control plane runs on the folder.</exception>
    /// <exception cref="StoreCorruptException">The store is damaged.</exception>
    /// <exception cref="IdentityException">The certificate authority's files are damaged or of another trust domain.</exception>
    /// <exception cref="IOException">A port is taken.</exception>
    /// <exception cref="ArgumentException">The API would listen beyond loopback and nobody has allowed it.</exception>
    public static async Task<ControlPlane> StartAsync(ControlPlaneOptions options, ILoggerFactory? logs = null, CancellationToken cancel = default)
    {
        logs ??= NullLoggerFactory.Instance;
        var trustDomain = TrustDomain.Parse(options.TrustDomain);
        if (!IPAddress.IsLoopback(options.ApiAddress.Address) && !options.AllowRemoteApi)
            throw new ArgumentException($"ApiAddress {options.ApiAddress} is not loopback, and the resource API has no authentication: use 127.0.0.1, or set AllowRemoteApi behind a guard of your own");
        Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var store = ResourceStore.Open(new DiskStoreFiles(Path.Combine(options.DataDirectory, "store")), options.Store);
        CertificateAuthority? authority = null;
        ControlPlane? control = null;
        try
        {
            authority = CertificateAuthority.OpenOrCreate(Path.Combine(options.DataDirectory, "ca"), trustDomain, options.Certificates, options.Time);
            var objects = new ObjectService(store, options.Time, options.Api);
            var withoutAddress = await objects.InitializeAsync();
            await NameTrustDomainAsync(objects, trustDomain);
            control = new ControlPlane(options, store, authority, objects, logs);
            if (withoutAddress is not null) Log.WithoutAddress(control._log, withoutAddress);
            await control.RunAsync(cancel);
            return control;
        }
        catch
        {
            if (control is not null)
            {
                await control.DisposeAsync();
            }
            else
            {
                authority?.Dispose();
                store.Dispose();
            }
            throw;
        }
    }

    private async Task RunAsync(CancellationToken cancel)
    {
        if (_store.Recovery.DiscardedBytes > 0) Log.TornTail(_log, _options.DataDirectory, _store.Recovery.DiscardedBytes);
        if (!_reconciler.Models.Value.Settings.TrustDomain.Equals(_authority.TrustDomain))
            Log.WrongTrustDomain(_log, _reconciler.Models.Value.Settings.TrustDomain.Name, _authority.TrustDomain.Name);
        _loops.Add(LoopAsync("reconciler", _reconciler.RunAsync));
        _loops.Add(LoopAsync("status writer", _statuses.RunAsync));
        _loops.Add(LoopAsync("removal of abandoned workloads", _abandoned.RunAsync));
        await _xds.StartAsync(cancel);
        await _api.StartAsync(cancel);
        _file.Write(_api.Address, _xds.Address);
        Log.Started(_log, _api.Address.ToString(), _xds.Address.ToString(), _store.Current.Revision);
    }

    /// <summary>Ends streams and watches, lets calls finish for up to <see cref="ServingOptions.StopTimeout"/>, and closes the folder.</summary>
    public async Task StopAsync()
    {
        if (_stopped) return;
        _stopped = true;
        _file.Delete();
        await _stopping.CancelAsync();
        using (var patience = new CancellationTokenSource(_options.Serving.StopTimeout, _options.Time))
            await Task.WhenAll(_api.StopAsync(patience.Token), _xds.StopAsync(patience.Token));
        await Task.WhenAll(_loops);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _api.DisposeAsync();
        await _xds.DisposeAsync();
        _store.Dispose();
        _authority.Dispose();
        _stopping.Dispose();
    }

    private async Task LoopAsync(string name, Func<CancellationToken, Task> run)
    {
        try
        {
            await run(_stopping.Token);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // stopped
        }
        catch (Exception e)
        {
            // A loop that ends leaves a control plane that looks alive and does nothing: better to say it loudly than to serve old news quietly.
            Log.LoopFailed(_log, name, e);
        }
    }

    /// <summary>The Mesh object is where everything else reads the trust domain; one that is not the default is written there at the first start.</summary>
    private static async Task NameTrustDomainAsync(ObjectService objects, TrustDomain trustDomain)
    {
        if (trustDomain.Name == MeshModel.Empty.Settings.TrustDomain.Name || objects.Store.Current.Find(ResourceKinds.Mesh, "", "default") is not null) return;
        await objects.CreateAsync(ResourceKinds.Mesh.Create(new JsonObject
        {
            ["apiVersion"] = ResourceKinds.Mesh.ApiVersion, ["kind"] = "Mesh",
            ["metadata"] = new JsonObject { ["name"] = "default" }, ["spec"] = new JsonObject { ["trustDomain"] = trustDomain.Name },
        }), dryRun: false);
    }

    private static List<string> HostNames(ControlPlaneOptions options)
    {
        var address = options.XdsAddress.Address;
        var names = new List<string> { "localhost", Environment.MachineName, "127.0.0.1", "::1" };
        if (!address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)) names.Add(address.ToString());
        return [.. names.Concat(options.HostNames).Distinct(StringComparer.OrdinalIgnoreCase)];
    }

    private static partial class Log
    {
        [LoggerMessage(4400, LogLevel.Information, "control plane started: API {Api}, xDS {Xds}, store revision {Revision}")]
        public static partial void Started(ILogger log, string api, string xds, long revision);

        [LoggerMessage(4401, LogLevel.Warning, "the store in {Folder} ended in {Bytes} bytes of a write that was never acknowledged; they were cut off")]
        public static partial void TornTail(ILogger log, string folder, long bytes);

        [LoggerMessage(4402, LogLevel.Error, "the Mesh object says trust domain {Mesh}, the certificate authority is of {Authority}: no two proxies will trust each other; set spec.trustDomain: {Authority}")]
        public static partial void WrongTrustDomain(ILogger log, string mesh, string authority);

        [LoggerMessage(4404, LogLevel.Warning, "some Services have no virtual address and are not found by their names: {Reason}")]
        public static partial void WithoutAddress(ILogger log, string reason);

        [LoggerMessage(4403, LogLevel.Critical, "the {Loop} has stopped working; restart the control plane")]
        public static partial void LoopFailed(ILogger log, string loop, Exception e);
    }
}
