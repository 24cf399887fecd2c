using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Proxy.Configuration;
using Weft.Routing.Listeners;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Configuration;

public sealed class BootstrapFileTests
{
    private const string Static = """
        node: { id: test, cluster: 123, metadata: { weft.dev: { service: catalog, weight: 3, plain: "3", on: true, none: null, list: [1, a] } } }
        admin:
          address: { socket_address: { address: 127.0.0.1, port_value: 9901 } }
        static_resources:
          listeners:
          - name: front
            address: { socket_address: { address: "::1", port_value: "8080" } }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: front
                  streamIdleTimeout: 0.25s
                  use_remote_address: true
                  route_config:
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                      - match: { prefix: / }
                        route:
                          weighted_clusters:
                            clusters: [ { name: a, weight: 90 }, { name: b, weight: 10 } ]
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
          clusters:
          - &cluster
            name: a
            type: STATIC
            lb_policy: LEAST_REQUEST
            load_assignment: { cluster_name: a, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } } } ] } ] }
          - name: b
            connect_timeout: 1s
            load_assignment: { cluster_name: b, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 2 } } } } ] } ] }
        """;

    private static IReadOnlyList<string> Errors(string text) => Should.Throw<BootstrapException>(() => BootstrapFile.Parse(text, "b.yaml")).Errors;

    [Fact]
    public void Hand_written_configuration_is_served()
    {
        var settings = BootstrapFile.Parse(Static, "b.yaml");
        var store = new ConfigStore();
        var assembler = new ConfigAssembler(store, new ConfigHistory(TimeProvider.System), _ => null, _ => { }, new ConfigLimits(), new ManualTime());
        assembler.AddStatic(settings).ShouldBeEmpty();
        assembler.Settle();

        settings.Admin!.ToString().ShouldBe("127.0.0.1:9901");
        settings.ManagementServer.ShouldBeNull();
        var listener = store.Current.Listeners.Find("front")!.Listener;
        listener.Address.ToString().ShouldBe("[::1]:8080");
        listener.FilterChains[0].Http!.StreamIdleTimeout.ShouldBe(TimeSpan.FromMilliseconds(250));
        listener.FilterChains[0].Http!.UseRemoteAddress.ShouldBeTrue();
        ((RouteSource.Inline)listener.FilterChains[0].Http!.Routes).Table.ClusterNames.ShouldBe(["a", "b"]);
        store.Current.Clusters.Find("a")!.Endpoints.Endpoints.Length.ShouldBe(1);
        store.Current.Clusters.Find("b")!.Cluster.ConnectTimeout.ShouldBe(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Scalars_mean_what_their_field_says_and_in_metadata_what_YAML_says()
    {
        var node = BootstrapFile.Parse(Static, "b.yaml").Node;

        node.Cluster.ShouldBe("123");
        var weft = node.Metadata.Fields["weft.dev"].StructValue.Fields;
        weft["weight"].ShouldBe(Value.ForNumber(3));
        weft["plain"].ShouldBe(Value.ForString("3"));
        weft["on"].ShouldBe(Value.ForBool(true));
        weft["none"].KindCase.ShouldBe(Value.KindOneofCase.NullValue);
        weft["list"].ListValue.Values.ShouldBe([Value.ForNumber(1), Value.ForString("a")]);
    }

    [Fact]
    public void Json_reads_the_same()
    {
        var yaml = BootstrapFile.Parse("node: { id: x }\nadmin: { address: { socket_address: { address: 1.2.3.4, port_value: 5 } } }", "b.yaml");
        var json = BootstrapFile.Parse("""
            {
            	"node": {"id": "x"},
            	"admin": {"address": {"socketAddress": {"address": "1.2.3.4", "portValue": 5}}}
            }
            """, "b.json");

        json.Node.ShouldBe(yaml.Node);
        json.Admin.ShouldBe(yaml.Admin);
    }

    [Fact]
    public void Every_mistake_is_reported_at_once_with_path_and_line()
    {
        Errors("""
            node: { id: x }
            admin:
              adress: {}
            static_resources:
              clusters:
              - name: a
                type: STATICC
                connect_timeout: 5 seconds
                load_assignment: { endpoints: { lb_endpoints: [] } }
                per_connection_buffer_limit_bytes: -1
              listeners:
              - filter_chains:
                - filters:
                  - typed_config: { name: x }
                address: { socket_address: { port_value: 1, named_port: http } }
            """).ShouldBe(
            [
                "b.yaml:3:3: admin.adress: envoy.config.bootstrap.v3.Admin has no field of this name",
                "b.yaml:7:11: static_resources.clusters[0].type: \"STATICC\" is not one of STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST",
                "b.yaml:8:22: static_resources.clusters[0].connect_timeout: \"5 seconds\" is not a duration: seconds with an s behind them, such as 0.25s",
                "b.yaml:9:35: static_resources.clusters[0].load_assignment.endpoints: a list is needed",
                "b.yaml:10:40: static_resources.clusters[0].per_connection_buffer_limit_bytes: \"-1\" is not a value of type uint32",
                "b.yaml:14:23: static_resources.listeners[0].filter_chains[0].filters[0].typed_config: a mapping with \"@type\" is needed",
                "b.yaml:15:49: static_resources.listeners[0].address.socket_address.named_port: only one of port_value and named_port may be set",
            ]);
    }

    /// <summary>The schema of this reader is Weft's own field lists; protobuf's parser, which reads by the descriptors, must see the same message.</summary>
    [Fact]
    public void Message_is_the_one_that_the_descriptors_would_give()
    {
        const string Json = """
            {
              "node": {"id": "x", "metadata": {"a": {"n": -1.5e3, "s": "ü\u0000", "l": [true, null, {}]}}, "locality": {"zone": "z"}, "clientFeatures": ["weft.v1"]},
              "staticResources": {
                "clusters": [{
                  "name": "a", "type": "EDS", "connectTimeout": "0.000000001s", "edsClusterConfig": {"serviceName": "s", "edsConfig": {"ads": {}, "resourceApiVersion": "V3"}},
                  "commonLbConfig": {"healthyPanicThreshold": {"value": 12.5}}, "circuitBreakers": {"thresholds": [{"maxRequests": 4294967295}]},
                  "transportSocketMatches": [{"name": "m", "match": {"weft": "mtls"}, "transportSocket": {"name": "t", "typedConfig": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni": "x",
                    "commonTlsContext": {"tlsParams": {"tlsMinimumProtocolVersion": "TLSv1_3"}, "tlsCertificates": [{"privateKey": {"inlineBytes": "AAEC/w=="}}]}}}}],
                  "typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicitHttpConfig": {"httpProtocolOptions": {}}}}
                }],
                "listeners": [{"name": "l", "trafficDirection": 1, "bindToPort": false, "defaultFilterChain": {"filters": [{"name": "f", "typedConfig": {
                  "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                  "drainTimeout": "-1.5s", "routeConfig": {"virtualHosts": [{"name": "v", "domains": ["*"], "routes": [
                    {"match": {"path": "/", "headers": [{"name": "h", "rangeMatch": {"start": "-9223372036854775808", "end": 5}}, {"name": "p", "presentMatch": false}]},
                     "route": {"cluster": "a", "retryPolicy": {"retriableStatusCodes": [500, 503]}}}]}]}}}]}}]
              }
            }
            """;
        var text = Weft.Proxy.Configuration.Text.MessageText.Read(Json, "b.json", "envoy.config.bootstrap.v3.Bootstrap");
        var expected = new JsonParser(JsonParser.Settings.Default.WithTypeRegistry(ConfigTypes.Registry)).Parse<Envoy.Config.Bootstrap.V3.Bootstrap>(Json);

        text.Errors.ShouldBeEmpty();
        var formatter = new JsonFormatter(JsonFormatter.Settings.Default.WithTypeRegistry(ConfigTypes.Registry));
        formatter.Format(Envoy.Config.Bootstrap.V3.Bootstrap.Parser.ParseFrom(text.Bytes.Span)).ShouldBe(formatter.Format(expected));
    }

    [Fact]
    public void Broken_YAML_is_reported_with_its_line() => Errors("node: {\n  id: [\n}")[0].ShouldStartWith("b.yaml:");

    [Fact]
    public void Refused_field_of_the_bootstrap_is_named() =>
        Errors("node: { id: x }\nhds_config: { api_type: GRPC }").ShouldBe(["b.yaml:2:1: hds_config: is not supported by this version"]);

    [Fact]
    public void Mistakes_in_static_resources_stop_the_start_and_are_all_named()
    {
        var settings = BootstrapFile.Parse("""
            static_resources:
              clusters:
              - { name: a, type: ORIGINAL_DST }
              - { name: b, lb_policy: MAGLEV, load_assignment: { cluster_name: b } }
              - { name: c, health_checks: [ { timeout: 1s } ] }
            """, "b.yaml");
        var assembler = new ConfigAssembler(new ConfigStore(), new ConfigHistory(TimeProvider.System), _ => null, _ => { }, new ConfigLimits(), new ManualTime());

        assembler.AddStatic(settings).ShouldBe(
            [
                "b.yaml:3:5: static_resources.clusters[0].lb_policy: ORIGINAL_DST needs CLUSTER_PROVIDED: there is nothing to balance (a)",
                "b.yaml:4:16: static_resources.clusters[1].lb_policy: Maglev is not supported: ROUND_ROBIN, LEAST_REQUEST or RANDOM (b)",
                "b.yaml:5:5: static_resources.clusters[2].load_assignment: Static clusters need one (c)",
                "b.yaml:5:16: static_resources.clusters[2].health_checks[0]: is not supported by this version (c)",
            ],
            ignoreOrder: true);
    }

    [Fact]
    public void Management_server_is_a_static_cluster_that_no_request_uses()
    {
        var settings = BootstrapFile.Parse(File.ReadAllText(Path.Combine(Tool.RepositoryRoot(), "bench/peers/churn/weft.yaml")), "weft.yaml");

        settings.ManagementServer!.Targets.ShouldBe([("127.0.0.1", 18010)]);
        settings.ManagementServer.IsTls.ShouldBeFalse();
        settings.WantsListeners.ShouldBeTrue();
        settings.Clusters.ShouldBeEmpty();
    }

    [Fact]
    public void State_of_the_world_is_refused()
    {
        Errors("""
            dynamic_resources:
              lds_config: { path_config_source: { path: /x } }
              ads_config: { api_type: GRPC, grpc_services: [ { envoy_grpc: { cluster_name: none } } ] }
            """).ShouldBe(
            [
                "b.yaml:2:17: dynamic_resources.lds_config.path_config_source: is not supported by this version",
                "b.yaml:2:3: dynamic_resources.lds_config: only ads is supported as a source",
                "b.yaml:3:17: dynamic_resources.ads_config.api_type: Grpc is not supported: only DELTA_GRPC",
                "b.yaml:3:66: dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: \"none\" is not a static cluster",
            ]);
    }
}
