using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Weft.Control.Api;
using Weft.Control.Serving;
using Weft.Telemetry.Metrics;

namespace Weft.Control.Insights;

/// <summary>Weft's own HTTP API: what the mesh does now. Shapes are a contract with the command line and the dashboard.</summary>
public sealed class InsightEndpoints(
    TrafficWindow traffic, ProxyRegistry proxies, Rollout rollout, Latest<PublishedMesh> mesh, Func<string?> storeFailure, MetricsRegistry metrics)
{
    /// <summary>Longest wait of one rollout question. A client asks again.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(5);

    public IEnumerable<WeftEndpoint> All =>
    [
        new("GET", "/weft/v1/stat", StatAsync),
        new("GET", "/weft/v1/proxies", ProxiesAsync),
        new("GET", "/weft/v1/rollout", RolloutAsync),
        new("GET", "/weft/v1/health", HealthAsync),
        new("GET", "/metrics", MetricsAsync),
    ];

    private Task StatAsync(HttpContext context)
    {
        var report = traffic.Report();
        return Reply.JsonAsync(context, 200, new JsonObject
        {
            ["services"] = new JsonArray([.. report.Services.Select(s => With(new JsonObject { ["name"] = s.Name }, s.Numbers))]),
            ["edges"] = new JsonArray([.. report.Edges.Select(e => With(new JsonObject { ["from"] = e.From, ["to"] = e.To }, e.Numbers))]),
            ["connections"] = new JsonArray([.. report.Connections.Select(c => new JsonObject
            {
                ["from"] = c.From,
                ["to"] = c.To,
                ["connectionsPerSecond"] = c.Numbers.ConnectionsPerSecond,
                ["open"] = c.Numbers.Open,
                ["failures"] = c.Numbers.Failures,
                ["sentBytesPerSecond"] = c.Numbers.SentPerSecond,
                ["receivedBytesPerSecond"] = c.Numbers.ReceivedPerSecond,
                ["mtlsShare"] = c.Numbers.MtlsShare,
            })]),
        });
    }

    private Task ProxiesAsync(HttpContext context) => Reply.JsonAsync(context, 200, new JsonObject
    {
        ["revision"] = mesh.Value.Model.Revision,
        ["proxies"] = new JsonArray([.. proxies.Proxies.Value.Values.Select(p => ProxyJson(p, Rollout.Look(0, mesh.Value, [p])))]),
    });

    private async Task RolloutAsync(HttpContext context)
    {
        var query = context.Request.Query;
        if (!long.TryParse(query["revision"], NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
            throw new ApiException(ApiStatus.BadRequest("revision=N is needed: the revision that POST /weft/v1/apply answered"));
        var timeout = Timeout(query["timeout"]);
        var report = await rollout.WaitAsync(revision, timeout, context.RequestAborted);
        await Reply.JsonAsync(context, 200, new JsonObject
        {
            ["revision"] = report.Revision,
            ["complete"] = report.Complete,
            ["proxies"] = new JsonArray([.. report.Proxies.Select(r => new JsonObject
            {
                ["node"] = r.Proxy.Node.Id,
                ["service"] = r.Proxy.Node.Service,
                ["state"] = r.State.ToString().ToLowerInvariant(),
                ["syncedRevision"] = r.Proxy.SyncedRevision,
                ["refusals"] = RefusalsJson(r.Proxy),
            })]),
        });
    }

    private Task HealthAsync(HttpContext context) => Reply.JsonAsync(context, 200, new JsonObject
    {
        ["status"] = storeFailure() is null ? "ok" : "degraded",
        ["storeFailure"] = storeFailure(),
        ["version"] = WeftVersion.Text,
        ["revision"] = mesh.Value.Model.Revision,
        ["proxies"] = proxies.Connected,
    });

    private async Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = PrometheusText.ContentType;
        PrometheusText.Write(metrics, context.Response.BodyWriter);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static TimeSpan Timeout(string? text) => text switch
    {
        null or "" => TimeSpan.Zero,
        _ when double.TryParse(text.TrimEnd('s'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) =>
            TimeSpan.FromSeconds(Math.Min(seconds, s_longestWait.TotalSeconds)),
        _ => throw new ApiException(ApiStatus.BadRequest($"timeout={text} is not a number of seconds")),
    };

    private static JsonObject ProxyJson(ProxyStatus p, RolloutReport standing) => new()
    {
        ["node"] = p.Node.Id,
        ["namespace"] = p.Node.Namespace,
        ["workload"] = p.Node.Workload,
        ["service"] = p.Node.Service,
        ["version"] = p.Node.Version,
        ["connected"] = p.Connected,
        ["since"] = p.Since.ToString("O", CultureInfo.InvariantCulture),
        ["address"] = p.Node.Address.ToString(),
        ["userAgent"] = p.UserAgent,
        ["userAgentVersion"] = p.UserAgentVersion,
        ["inbound"] = new JsonArray([.. p.Node.Inbound.Select(i => new JsonObject { ["name"] = i.Name, ["port"] = i.Port, ["listen"] = i.Listen })]),
        ["outboundPort"] = p.Node.OutboundPort,
        ["adminPort"] = p.Node.AdminPort,
        ["upstreams"] = new JsonArray([.. p.Node.Upstreams.Select(u => new JsonObject { ["port"] = u.Port, ["target"] = u.Target.ToString() })]),
        ["syncedRevision"] = p.SyncedRevision,
        ["state"] = standing.Proxies is [var row] ? row.State.ToString().ToLowerInvariant() : "disconnected",
        ["refusals"] = RefusalsJson(p),
        ["transparentPort"] = p.Node.TransparentPort,
        ["dnsPort"] = p.Node.DnsPort,
        // Whoever knows an application's own port reaches it past its sidecar, unless it is in a network namespace of its own.
        ["bypassable"] = !p.Node.Inbound.IsEmpty && p.Node.NetworkNamespace.Length == 0,
    };

    private static JsonArray RefusalsJson(ProxyStatus p) => new([.. p.Refusals.Select(r => new JsonObject
    {
        ["type"] = r.Type.ToString().ToLowerInvariant(),
        ["name"] = r.Name,
        ["message"] = r.Message,
        ["resources"] = new JsonArray([.. r.Origins.Select(o => JsonValue.Create(o.ToString()))]),
    })]);

    private static JsonObject With(JsonObject row, TrafficNumbers n)
    {
        row["requestsPerSecond"] = n.RequestsPerSecond;
        row["successRate"] = n.SuccessRate;
        row["mtlsShare"] = n.MtlsShare;
        row["p50Ms"] = n.P50Ms;
        row["p95Ms"] = n.P95Ms;
        row["p99Ms"] = n.P99Ms;
        return row;
    }
}
