using System.Net;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Shouldly;
using Weft.Control.Model;
using Weft.Control.Tests.Model;
using Weft.Control.Translation;
using Weft.Resources;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Translation;

public sealed class TranslatorTests
{
    private const string Roots = "-----BEGIN CERTIFICATE-----";

    [Fact]
    public void Nothing_is_translated_before_it_is_asked_for()
    {
        var translator = new Translator();
        var snapshot = translator.Snapshot(MeshModel.Build(new ModelInputs(MeshModelTests.Mesh(100, 1), [], 1)), Bare("a"), Roots);
        translator.Translations.ShouldBe(0);

        snapshot.Find(XdsType.Cluster, "s0.default:80").ShouldNotBeNull();

        translator.Translations.ShouldBe(1);
    }

    [Fact]
    public void Two_nodes_share_what_is_the_same_for_both()
    {
        var translator = new Translator();
        var model = MeshModel.Build(new ModelInputs(MeshModelTests.Mesh(1, 1), [], 1));

        var one = translator.Snapshot(model, Bare("a"), Roots).Find(XdsType.Route, "s0.default:80");
        var two = translator.Snapshot(model, Bare("b"), Roots).Find(XdsType.Route, "s0.default:80");

        two.ShouldBeSameAs(one);
        translator.Translations.ShouldBe(1);
    }

    [Fact]
    public void One_endpoint_more_in_a_thousand_services_translates_one_assignment()
    {
        var resources = MeshModelTests.Mesh(1000, 1);
        var translator = new Translator();
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        var before = AskForAll(translator.Snapshot(first, Bare("a"), Roots));
        var count = translator.Translations;

        var second = MeshModel.Build(new ModelInputs([.. resources, .. MeshModelTests.Read(MeshModelTests.Workload("more", "10.9.9.9", "s500"))], [], 2), first);
        var after = AskForAll(translator.Snapshot(second, Bare("a"), Roots));

        (translator.Translations - count).ShouldBe(1);
        after.Keys.Where(k => !ReferenceEquals(after[k], before[k])).ShouldBe([(XdsType.Endpoint, "s500.default:80")]);
    }

    [Fact]
    public void Versions_are_of_the_content_whatever_process_made_them()
    {
        string[] Versions() => [.. AskForAll(new Translator().Snapshot(MeshModel.Build(new ModelInputs(MeshModelTests.Mesh(3, 3), [], 1)), Node("a"), Roots)).Values.Select(r => r!.Version)];

        Versions().ShouldBe(Versions());
    }

    [Fact]
    public void A_name_that_does_not_exist_has_no_answer()
    {
        var snapshot = Snapshot(MeshModelTests.Service("s0"));

        foreach (var name in new[] { "s1.default:80", "s0.other:80", "s0.default:81", "s0", "", "invalid-backend", "inbound:9999", "inbound:x" })
        {
            snapshot.Find(XdsType.Cluster, name).ShouldBeNull(name);
            snapshot.Find(XdsType.Endpoint, name).ShouldBeNull(name);
            snapshot.Find(XdsType.Route, name).ShouldBeNull(name);
            snapshot.Find(XdsType.Listener, name).ShouldBeNull(name);
        }
        snapshot.Find(XdsType.Secret, "default").ShouldBeNull();
    }

    [Fact]
    public void Port_80_means_the_only_port_and_answers_under_the_name_asked_for()
    {
        var snapshot = Snapshot(MeshModelTests.Service("s0").Replace("port: 80", "port: 8080"));

        var alias = Envoy.Config.Route.V3.RouteConfiguration.Parser.ParseFrom(snapshot.Find(XdsType.Route, "s0.default:80")!.Body);

        (alias.Name, alias.VirtualHosts[0].Routes[0].Route_.Cluster).ShouldBe(("s0.default:80", "s0.default:8080"));
        snapshot.Find(XdsType.Cluster, "s0.default:80").ShouldBeNull();
    }

    [Fact]
    public void Listeners_are_the_nodes_own_and_are_found_by_name_too()
    {
        var snapshot = Snapshot(MeshModelTests.Service("s0"));

        snapshot.Wildcard(XdsType.Listener).Select(l => l.Name).ShouldBe(["inbound:8080", "outbound", "upstream:9000"]);
        snapshot.Find(XdsType.Listener, "outbound").ShouldBeSameAs(snapshot.Wildcard(XdsType.Listener)[1]);
        snapshot.Find(XdsType.Cluster, "inbound:8080").ShouldNotBeNull();
        foreach (var type in new[] { XdsType.Cluster, XdsType.Endpoint, XdsType.Route, XdsType.Secret })
            snapshot.Wildcard(type).ShouldBeEmpty();
    }

    [Fact]
    public void Listeners_stay_while_neither_node_nor_settings_change()
    {
        var translator = new Translator();
        var resources = MeshModelTests.Mesh(2, 1);
        var first = MeshModel.Build(new ModelInputs(resources, [], 1));
        var one = translator.Snapshot(first, Node("a"), Roots);
        var second = MeshModel.Build(new ModelInputs([.. resources, .. MeshModelTests.Read(MeshModelTests.Service("new"))], [], 2), first);

        translator.Snapshot(second, Node("a"), Roots, one).Wildcard(XdsType.Listener).ShouldBeSameAs(one.Wildcard(XdsType.Listener));

        var strict = MeshModel.Build(new ModelInputs([.. resources, .. MeshModelTests.Read("apiVersion: weft.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\nspec: {mtls: Strict}")], [], 3), second);
        var changed = translator.Snapshot(strict, Node("a"), Roots, one).Wildcard(XdsType.Listener);
        changed.Single(l => l.Name == "inbound:8080").Version.ShouldNotBe(one.Wildcard(XdsType.Listener).Single(l => l.Name == "inbound:8080").Version);
        changed.Single(l => l.Name == "outbound").Version.ShouldBe(one.Wildcard(XdsType.Listener).Single(l => l.Name == "outbound").Version);
    }

    [Fact]
    public void A_proxy_that_does_not_pass_bytes_on_gets_requests_alone_and_its_neighbours_get_both()
    {
        var resources = MeshModelTests.Read("""
            apiVersion: v1
            kind: Service
            metadata: {name: s0}
            spec: {selector: {app: s0}, ports: [{name: tcp, port: 80, targetPort: http}]}
            """ + $"\n---\n{MeshModelTests.Workload("a", "10.0.0.1", "s0")}");
        var model = MeshModel.Build(new ModelInputs(resources, [], 1));
        var translator = new Translator();

        foreach (var bytes in new[] { false, true, false })
        {
            var snapshot = translator.Snapshot(model, Node("a") with { TakesBytes = bytes }, Roots);
            Routes(snapshot).ShouldBe([bytes ? "tcp:s0.default:80 ConnectMatcher" : "s0.default:80 Prefix"]);
            Chains(snapshot, "inbound:8080").ShouldBe(bytes ? ["mtls-bytes", "tls", "plaintext"] : ["mtls", "plaintext"]);
            Filters(snapshot, "upstream:9000").ShouldBe([bytes ? "envoy.filters.network.tcp_proxy" : "envoy.filters.network.http_connection_manager"]);
            snapshot.Problems.ShouldBeEmpty();
        }
        translator.Refusals.ShouldBe(0);

        static IEnumerable<string> Routes(NodeSnapshot snapshot) => Envoy.Config.Route.V3.RouteConfiguration.Parser.ParseFrom(snapshot.Find(XdsType.Route, "s0.default:80")!.Body)
            .VirtualHosts.Single().Routes.Select(r => $"{r.Route_.Cluster} {r.Match.PathSpecifierCase}");
        static IEnumerable<string> Chains(NodeSnapshot snapshot, string name) => Listener(snapshot, name).FilterChains.Select(c => c.Name);
        static IEnumerable<string> Filters(NodeSnapshot snapshot, string name) => Listener(snapshot, name).FilterChains.SelectMany(c => c.Filters).Select(f => f.Name);
        static Envoy.Config.Listener.V3.Listener Listener(NodeSnapshot snapshot, string name) => Envoy.Config.Listener.V3.Listener.Parser.ParseFrom(snapshot.Find(XdsType.Listener, name)!.Body);
    }

    [Fact]
    public void Listeners_follow_what_the_services_say_of_their_ports()
    {
        var translator = new Translator();
        var workload = MeshModelTests.Workload("a", "10.0.0.1", "s0");
        NodeSnapshot? snapshot = null;
        MeshModel? model = null;
        foreach (var (ports, chains) in new[]
        {
            ("", "mtls mtls-bytes tls plaintext"), // no Service leads there yet
            ("{name: http, port: 80, targetPort: http}", "mtls plaintext"),
            ("{name: tcp, port: 81, targetPort: 8080}", "mtls-bytes tls plaintext"),
            ("{name: http, port: 80, targetPort: http}, {name: tcp, port: 81, targetPort: 8080}", "mtls mtls-bytes tls plaintext"),
            ("{name: http, port: 80, targetPort: http}, {name: tcp, port: 81, targetPort: 8081}", "mtls plaintext"),
        })
        {
            var service = ports.Length == 0 ? "" : $"\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: s0}}\nspec: {{selector: {{app: s0}}, ports: [{ports}]}}";
            model = MeshModel.Build(new ModelInputs(MeshModelTests.Read(workload + service), [], 1), model);
            snapshot = translator.Snapshot(model, Node("a") with { TakesBytes = true, Upstreams = [] }, Roots, snapshot);
            string.Join(' ', Envoy.Config.Listener.V3.Listener.Parser.ParseFrom(snapshot.Find(XdsType.Listener, "inbound:8080")!.Body).FilterChains.Select(c => c.Name)).ShouldBe(chains, ports);
        }
    }

    [Fact]
    public void A_local_port_to_tls_goes_by_the_server_name()
    {
        var resources = MeshModelTests.Read("""
            apiVersion: v1
            kind: Service
            metadata: {name: s0}
            spec: {selector: {app: s0}, ports: [{name: tls, port: 80}, {name: tls-b, port: 81}]}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: TLSRoute
            metadata: {name: b}
            spec:
              parentRefs: [{group: "", kind: Service, name: s0, port: 80}]
              hostnames: [b.example.org, "*.b.example.org"]
              rules: [{backendRefs: [{name: s0, port: 81}]}]
            """);
        var snapshot = new Translator().Snapshot(MeshModel.Build(new ModelInputs(resources, [], 1)), Node("a") with { TakesBytes = true }, Roots);

        var chains = Envoy.Config.Listener.V3.Listener.Parser.ParseFrom(snapshot.Find(XdsType.Listener, "upstream:9000")!.Body).FilterChains;

        chains.Select(c => (string.Join(' ', c.FilterChainMatch?.ServerNames ?? []), TcpProxy.Parser.ParseFrom(c.Filters.Single().TypedConfig.Value).Cluster))
            .ShouldBe([("b.example.org *.b.example.org", "tcp:s0.default:81")], "what asks for another name goes nowhere");
        snapshot.Problems.ShouldBeEmpty();
    }

    [Fact]
    public void Every_resource_knows_what_caused_it()
    {
        var model = MeshModel.Build(new ModelInputs(MeshModelTests.Mesh(1, 2), [], 1));
        var snapshot = new Translator().Snapshot(model, Node("a"), Roots);

        Origins(XdsType.Route, "s0.default:80").ShouldBe(["HTTPRoute default/s0", "Service default/s0"]);
        Origins(XdsType.Cluster, "s0.default:80").ShouldBe(["Service default/s0"]);
        Origins(XdsType.Endpoint, "s0.default:80").ShouldBe(["Service default/s0", "Workload default/s0-0", "Workload default/s0-1"]);
        Origins(XdsType.Listener, "outbound").ShouldBe(["Workload default/a"]);
        Origins(XdsType.Route, "nothing.default:80").ShouldBeEmpty();

        string[] Origins(XdsType type, string name) => [.. snapshot.Origins(type, name).Select(o => o.ToString())];
    }

    [Fact]
    public void Roots_that_rotate_change_the_secret_and_nothing_else()
    {
        var translator = new Translator();
        var model = MeshModel.Build(new ModelInputs(MeshModelTests.Mesh(1, 1), [], 1));
        var before = translator.Snapshot(model, Node("a"), "old");
        var cluster = before.Find(XdsType.Cluster, "s0.default:80");
        var secret = before.Find(XdsType.Secret, "ROOTCA")!;

        var after = translator.Snapshot(model, Node("a"), "old\nnew", before);

        after.Find(XdsType.Secret, "ROOTCA")!.Version.ShouldNotBe(secret.Version);
        after.Find(XdsType.Cluster, "s0.default:80").ShouldBeSameAs(cluster);
        before.Find(XdsType.Secret, "ROOTCA").ShouldBeSameAs(secret);
    }

    [Fact]
    public void What_the_compiler_refuses_is_not_served_and_the_last_good_version_stays()
    {
        // Nothing that people may write leads here, so the defect is made by hand: a path that no route may have.
        var translator = new Translator();
        var good = MeshModelTests.Mesh(1, 0);
        var first = MeshModel.Build(new ModelInputs(good, [], 1));
        var served = translator.Snapshot(first, Node("a"), Roots).Find(XdsType.Route, "s0.default:80");
        var json = (System.Text.Json.Nodes.JsonObject)good.OfType<HttpRoute>().Single().Json.DeepClone();
        json["spec"]!["rules"]![0]!["matches"] = System.Text.Json.Nodes.JsonNode.Parse("""[{"path":{"type":"PathPrefix","value":"/a?b"}}]""");
        var broken = ResourceKinds.HttpRoute.Create(json);

        var second = MeshModel.Build(new ModelInputs([.. good.Where(r => r is not HttpRoute), broken], [], 2), first);
        var snapshot = translator.Snapshot(second, Node("a"), Roots);

        snapshot.Find(XdsType.Route, "s0.default:80").ShouldBeSameAs(served);
        var problem = translator.Problems.Single();
        (problem.Type, problem.Name, problem.Origins[0].ToString()).ShouldBe((XdsType.Route, "s0.default:80", "HTTPRoute default/s0"));
        translator.Refusals.ShouldBe(1);

        translator.Snapshot(MeshModel.Build(new ModelInputs(good, [], 3), second), Node("a"), Roots).Find(XdsType.Route, "s0.default:80")!.Version.ShouldBe(served!.Version);
        translator.Problems.ShouldBeEmpty();
    }

    private static Dictionary<(XdsType, string), XdsResource?> AskForAll(NodeSnapshot snapshot)
    {
        var names = Enumerable.Range(0, 1000).Select(i => $"s{i}.default:80").Where(n => snapshot.Find(XdsType.Cluster, n) is not null);
        return names.SelectMany(n => new[] { XdsType.Cluster, XdsType.Endpoint, XdsType.Route }.Select(t => (t, n))).ToDictionary(k => k, k => snapshot.Find(k.t, k.n));
    }

    private static NodeSnapshot Snapshot(string yaml) => new Translator().Snapshot(MeshModel.Build(new ModelInputs(MeshModelTests.Read(yaml), [], 1)), Node("a"), Roots);

    /// <summary>A node without listeners, so that every translation that is counted was asked for.</summary>
    private static NodeInfo Bare(string name) => Node(name) with { Inbound = [], OutboundPort = null, Upstreams = [] };

    private static NodeInfo Node(string name) => new()
    {
        Id = $"{name}.default", Workload = name, Namespace = "default", ServiceAccount = "default", Address = IPAddress.Loopback,
        Inbound = [new InboundPort("http", 8080, 15006)], OutboundPort = 15001, Upstreams = [new UpstreamPort(9000, new ServicePortKey("s0", "default", 80))],
    };
}
