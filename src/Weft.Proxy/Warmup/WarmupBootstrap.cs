using static Weft.Proxy.Warmup.WarmupClient;

namespace Weft.Proxy.Warmup;

/// <summary>Configuration and requests of the exercise: what a sidecar meets every day, nothing that only an attacker sends.</summary>
internal static class WarmupBootstrap
{
    private const string Tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

    private const string Inspector =
        """{"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}""";

    /// <summary>A listener <c>inbound</c> with mutual TLS in front of the workload.</summary>
    public static string Inbound(int workload)
    {
        var manager = Manager("""[{"match": {"prefix": "/"}, "route": {"cluster": "workload"}}]""");
        return $$$$"""
            {"static_resources": {
              "listeners": [{"name": "inbound", "address": {{{{Address(0)}}}}, "traffic_direction": "INBOUND", "listener_filters": [{{{{Inspector}}}}], "filter_chains": [{
                "filter_chain_match": {"transport_protocol": "tls", "application_protocols": ["weft-h2"]},
                "transport_socket": {"name": "tls", "typed_config": {
                  "@type": "{{{{Tls}}}}.DownstreamTlsContext", "require_client_certificate": true, "common_tls_context": {{{{Common}}}}}},
                "filters": [{{{{manager}}}}]}]}],
              "clusters": [{{{{Cluster("workload", workload, AsItCame)}}}}]}}
            """;
    }

    /// <summary>A listener <c>outbound</c> that sends to the workload itself, or to it through <c>inbound</c>.</summary>
    /// <param name="inbound">Null without TLS: then it is the workload again, in plaintext.</param>
    public static string Outbound(int workload, int? inbound)
    {
        var manager = Manager("""
            [{"match": {"path": "/direct"}, "direct_response": {"status": 200, "body": {"inline_string": "here"}}},
             {"match": {"prefix": "/mesh", "headers": [{"name": "x-group", "string_match": {"exact": "canary"}}]}, "route": {"cluster": "peer", "prefix_rewrite": "/new"}},
             {"match": {"prefix": "/mesh"}, "route": {"cluster": "peer", "timeout": "15s"}},
             {"match": {"prefix": "/plain"}, "route": {"weighted_clusters": {"clusters": [{"name": "direct", "weight": 50}, {"name": "direct", "weight": 50}]},
              "retry_policy": {"retry_on": "connect-failure,reset", "num_retries": 2}}}]
            """);
        var tls = inbound is null ? "" : $$$$"""
            {{{{AsItCame}}}}, "transport_socket": {"name": "tls", "typed_config": {
              "@type": "{{{{Tls}}}}.UpstreamTlsContext", "sni": "80.warm-up.default.weft", "common_tls_context": {{{{Common}}}}}}
            """;
        return $$$$"""
            {"static_resources": {
              "listeners": [{"name": "outbound", "address": {{{{Address(0)}}}}, "traffic_direction": "OUTBOUND", "filter_chains": [{"filters": [{{{{manager}}}}]}]}],
              "clusters": [{{{{Cluster("direct", workload)}}}}, {{{{Cluster("peer", inbound ?? workload, tls)}}}}]}}
            """;
    }

    /// <param name="withTls">Every request once more through the mesh.</param>
    public static IEnumerable<Step> Script(bool withTls) =>
    [
        .. Requests("/plain"),
        .. withTls ? Requests("/mesh") : [],
        Step.Of("GET /plain/unsteady HTTP/1.1\nHost: warm-up\n\n"),
        Step.Of("GET /direct HTTP/1.1\nHost: warm-up\n\n"),
        Step.Of("GET /nowhere HTTP/1.1\nHost: warm-up\n\n", 404),
        Step.Of("GET /plain HTTP/1.1\nHost: warm-up\nConnection: close\n\n"),
    ];

    private static IEnumerable<Step> Requests(string path)
    {
        for (var i = 0; i < 4; i++)
        {
            yield return Step.Of($"GET {path}/a?b=c HTTP/1.1\nHost: warm-up:80\nAccept: */*\n\n");
            yield return Step.Of($"""
                GET {path}/%7Ea/./b HTTP/1.1
                Host: warm-up
                User-Agent: warm-up/1.0
                Accept: application/json, text/html;q=0.9
                Accept-Encoding: gzip, br
                Cookie: a=b; c=d
                X-Group: canary
                X-Forwarded-For: 192.0.2.1
                X-Request-Id: 0af76519-16cd-43dd-8448-eb211c80319c
                Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
                Connection: keep-alive


                """);
            yield return Step.Of($"POST {path} HTTP/1.1\nHost: warm-up\nContent-Type: application/json\nContent-Length: 1000\n\n{new string('b', 1000)}");
            yield return Step.Of($"POST {path} HTTP/1.1\nHost: warm-up\nTransfer-Encoding: chunked\n\n3e8\n{new string('b', 1000)}\n1\n.\n0\n\n");
            yield return Step.Of($"GET {path}/chunked HTTP/1.1\nHost: warm-up\n\n");
        }
    }

    private const string KeepCase =
        """{"header_key_format": {"stateful_formatter": {"name": "preserve_case", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"}}}}""";

    /// <summary>As the control plane has it: the workload gets HTTP/1.1 although the two proxies speak HTTP/2.</summary>
    private const string AsItCame = $$$"""
        , "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "use_downstream_protocol_config": {"http_protocol_options": {{{KeepCase}}}} } }
        """;

    private static string Manager(string routes) => $$$$"""
        {"name": "hcm", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
          "stat_prefix": "warm-up", "http_protocol_options": {{{{KeepCase}}}}, "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": {{{{routes}}}}}]},
          "http_filters": [{"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}
        """;

    private static string Cluster(string name, int port, string rest = "") => $$$$"""
        {"name": "{{{{name}}}}", "type": "STATIC", "lb_policy": "LEAST_REQUEST", "connect_timeout": "1s", "load_assignment": {"cluster_name": "{{{{name}}}}",
          "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {{{{Address(port)}}}}}}]}]}{{{{rest}}}}}
        """;

    /// <summary>By name, as the control plane writes it: a key written here would lead the history into redacting it, and that into protobuf's descriptors.</summary>
    private const string Common = """
        {"alpn_protocols": ["weft-h2"], "tls_certificate_sds_secret_configs": [{"name": "default", "sds_config": {"ads": {}}}],
         "validation_context_sds_secret_config": {"name": "ROOTCA", "sds_config": {"ads": {}}}}
        """;

    private static string Address(int port) => $$$$"""{"socket_address": {"address": "127.0.0.1", "port_value": {{{{port}}}}}}""";
}
