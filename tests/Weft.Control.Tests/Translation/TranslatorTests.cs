using System.Net;
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
