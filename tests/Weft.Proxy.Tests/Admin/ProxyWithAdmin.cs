using System.Net;
using Envoy.Config.Core.V3;
using Weft.Identity;
using Weft.Proxy.Admin;
using Weft.Proxy.Configuration;
using Weft.Proxy.Pipelines;
using Weft.Proxy.Reporting;
using Weft.Telemetry.Metrics;
using Weft.Xds;

namespace Weft.Proxy.Tests.Admin;

/// <summary>A proxy as the executable composes it: bootstrap, configuration thread, workers, admin server. Resources that would come from a
/// management server are given by the test.</summary>
internal sealed class ProxyWithAdmin : IAsyncDisposable
{
    private readonly DataPlane _dataPlane;
    private readonly ConfigAssembler _assembler;
    private readonly ConfigHistory _history;
    private readonly AdminServer _server;
    private readonly HttpClient _http = new();

    public ProxyWithAdmin(string bootstrap, CertificateMaterial? certificate = null, bool settle = true)
    {
        var settings = BootstrapFile.Parse(bootstrap, "bootstrap.yaml");
        Metrics = new MetricsRegistry(TimeProvider.System);
        var store = new ConfigStore();
        Process = new ProcessMetrics(Metrics, store, () => null);
        _dataPlane = new DataPlane(1, store, Metrics, NodeIdentity.Unknown, new Weft.Proxy.Overload.Admission(new(), Metrics, TimeProvider.System, _ => { }), TimeProvider.System, 42, Process.Contained);
        _dataPlane.Start();
        var limits = new ConfigLimits { Warming = TimeSpan.FromMinutes(10) };
        _history = new ConfigHistory(TimeProvider.System) { Metrics = new ConfigurationMetrics(Metrics, () => true, () => certificate?.NotAfter, () => 0) };
        _assembler = new ConfigAssembler(store, _history, _dataPlane.Listeners.TryOpen, _dataPlane.Listeners.Close, limits, TimeProvider.System);
        if (certificate is not null) _assembler.SetIdentity(certificate);
        var rejections = _assembler.AddStatic(settings);
        if (rejections.Count > 0) throw new ArgumentException(string.Join("; ", rejections), nameof(bootstrap));
        var readiness = new Readiness(store, () => _dataPlane.Listeners.Addresses, () => Drained > 0, () => certificate?.NotAfter <= TimeProvider.System.GetUtcNow(), () => _assembler.ListenersOnTheWay);
        _server = new AdminServer(
            new AdminSettings { Address = new IPEndPoint(IPAddress.Loopback, 0) },
            AdminEndpoints.Of(new AdminSources
            {
                Config = store,
                History = _history,
                Metrics = Metrics,
                Readiness = readiness,
                Listeners = () => _dataPlane.Listeners.Addresses,
                Certificate = () => certificate,
                Node = settings.Node,
                Options = new ProxyOptions("bootstrap.yaml", 1, TimeSpan.FromSeconds(30), TimeProvider.System.GetUtcNow() - TimeSpan.FromSeconds(90)),
                Time = TimeProvider.System,
                Drain = inboundOnly =>
                {
                    Drained++;
                    DrainedInboundOnly = inboundOnly;
                },
                Quit = () => Quits++,
            }),
            TimeProvider.System, Thrown.Add);
        if (settle) Settle();
    }

    public MetricsRegistry Metrics { get; }

    public ProcessMetrics Process { get; }

    public List<Exception> Thrown { get; } = [];

    public int Drained { get; private set; }

    public bool DrainedInboundOnly { get; private set; }

    public int Quits { get; private set; }

    public Uri Address => new($"http://{_server.Address}/");

    public IPEndPoint Listener(string name) => _dataPlane.Listeners.Addresses.Single(l => l.Key == name).Value;

    public void Settle() => _assembler.Settle();

    public UpdateTicket Receive(XdsType type, params XdsResource[] resources)
    {
        var ticket = _assembler.Apply(type, resources, []);
        _assembler.Settle();
        return ticket;
    }

    public void Ask(XdsType type, string name) => _history.Requested(type, name);

    public void Remove(XdsType type, string name)
    {
        _assembler.Apply(type, [], [name]);
        _assembler.Settle();
    }

    public async Task<string> GetAsync(string path, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var response = await _http.GetAsync(new Uri(Address, path));
        var body = await response.Content.ReadAsStringAsync();
        return response.StatusCode == status ? body : throw new InvalidOperationException($"{path} answered {response.StatusCode}: {body} {string.Join("; ", Thrown)}");
    }

    public async Task<HttpStatusCode> PostAsync(string path)
    {
        using var response = await _http.PostAsync(new Uri(Address, path), null);
        return response.StatusCode;
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        _server.Dispose();
        _dataPlane.Stop();
        return ValueTask.CompletedTask;
    }
}
