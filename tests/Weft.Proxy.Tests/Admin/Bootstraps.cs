namespace Weft.Proxy.Tests.Admin;

internal static class Bootstraps
{
    /// <summary>One plaintext listener "in" on a free port, all to the cluster "backend" with two endpoints.</summary>
    public static string Plain(int backendPort = 9) => $$"""
        node: { id: checkout-1.shop, cluster: checkout, metadata: { weft.dev: { service: checkout, ports: [80, 81], live: true, none: null } }, locality: { region: eu, zone: a } }
        static_resources:
          listeners:
          - name: in
            address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: in
                  route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: backend } }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
          clusters:
          - name: backend
            type: STATIC
            connect_timeout: 1s
            circuit_breakers: { thresholds: [{ max_connections: 7 }] }
            load_assignment:
              cluster_name: backend
              endpoints:
              - locality: { region: eu, zone: b }
                lb_endpoints:
                - { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{backendPort}} } } }, load_balancing_weight: 3 }
                - { endpoint: { address: { socket_address: { address: 127.0.0.2, port_value: 9 } } }, health_status: UNHEALTHY }
        """;

    /// <summary>The same with a TLS listener whose key stands in the file, and a secret with another.</summary>
    public static string WithKeys(string inlineChain, string inlineKey, string secretChain, string secretKey) => $$"""
        node: { id: a, cluster: b }
        static_resources:
          secrets:
          - name: mine
            tls_certificate:
              certificate_chain: { inline_string: {{Quote(secretChain)}} }
              private_key: { inline_bytes: {{Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(secretKey))}} }
          listeners:
          - name: tls
            address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
            filter_chains:
            - transport_socket:
                name: tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                  common_tls_context:
                    tls_certificates:
                    - certificate_chain: { inline_string: {{Quote(inlineChain)}} }
                      private_key: { inline_string: {{Quote(inlineKey)}} }
              filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: in
                  route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
        """;

    private static string Quote(string text) => $"\"{text.Replace("\n", "\\n")}\"";
}
