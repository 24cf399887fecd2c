using System.Globalization;
using Weft.Telemetry.Metrics;

namespace Weft.Proxy.Admin;

/// <summary>What the admin server offers, under Envoy's names.</summary>
internal static class AdminEndpoints
{
    public static IReadOnlyList<AdminEndpoint> Of(AdminSources sources) =>
    [
        new("/ready", "200 LIVE when accepting with a configuration, else 503 and how far it is; says when the configuration is stale", (_, response) => Ready(sources, response)),
        new("/metrics", "metrics in Prometheus text format", (_, response) => Metrics(sources, response)),
        new("/stats/prometheus", "the same", (_, response) => Metrics(sources, response)),
        new("/config_dump", "the configuration as received, keys redacted; ?include_eds adds endpoints, ?resource=FIELD shows one list, ?name=NAME one name",
            (request, response) => ConfigDumpEndpoint.Serve(sources, request, response)),
        new("/clusters", "clusters and their endpoints with counts; ?format=json", (request, response) => ClustersEndpoint.Serve(sources, request, response)),
        new("/listeners", "open listeners and their addresses; ?format=json", (request, response) => ListenersEndpoint.Serve(sources, request, response)),
        new("/certs", "the proxy's own certificate and the roots that it trusts", (_, response) => CertificatesEndpoint.Serve(sources, response)),
        new("/server_info", "version, state, options and node", (_, response) => ServerInfoEndpoint.Serve(sources, response)),
        new("/drain_listeners", "starts a graceful drain; ?inboundonly leaves the application's own calls alone; ?graceful and ?skip_exit are always so",
            (request, response) => Drain(sources, request, response)) { ChangesState = true },
        new("/quitquitquit", "drains, then ends the process", (_, response) => Order(response, sources.Quit)) { ChangesState = true },
    ];

    private static void Ready(AdminSources sources, AdminResponse response)
    {
        var state = sources.Readiness.State;
        var text = Readiness.Text(state) + "\n";
        if (sources.Certificate() is { } own && own.NotAfter <= sources.Time.GetUtcNow()) text += $"certificate: expired at {own.NotAfter:u}\n";
        if (sources.Stale() is { } stale)
            text += string.Create(CultureInfo.InvariantCulture, $"stale: true\nage: {stale.Age(sources.Time).TotalSeconds:0}s\nmanagement server: {sources.ManagementFailure() ?? "has not answered yet"}\n");
        response.Say(state == ServerState.Live ? 200 : 503, text);
    }

    private static void Metrics(AdminSources sources, AdminResponse response)
    {
        response.ContentType = PrometheusText.ContentType;
        PrometheusText.Write(sources.Metrics, response.Body);
    }

    private static void Drain(AdminSources sources, AdminRequest request, AdminResponse response)
    {
        if (request.Query.Keys.FirstOrDefault(static k => k is not ("inboundonly" or "graceful" or "skip_exit")) is { } unknown)
        {
            response.Say(400, $"unknown parameter {unknown}: inboundonly, graceful and skip_exit are known\n");
            return;
        }
        var inboundOnly = request.Has("inboundonly");
        Order(response, () => sources.Drain(inboundOnly));
    }

    private static void Order(AdminResponse response, Action order)
    {
        response.Say(200, "OK\n");
        response.AfterSent = order;
    }
}
