using System.Net;
using Shouldly;
using Weft.Control.Model;
using Weft.Control.Tests.Model;
using Weft.Control.Translation;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Translation;

/// <summary><c>weft.v1.Name</c>: what proxies ask before they answer for a name or an address.</summary>
public sealed class NameTranslationTests
{
    private const string Catalog = """
        apiVersion: v1
        kind: Service
        metadata: {name: catalog, namespace: shop}
        spec:
          selector: {app: catalog}
          clusterIP: 240.240.3.7
          clusterIPs: [240.240.3.7, "fd77:6566:7400::3:7"]
          ports: [{name: http, port: 80, targetPort: http}, {name: admin, port: 9000, targetPort: http}, {name: beat, port: 99, protocol: UDP}]
        """;

    private const string Headless = """
        apiVersion: v1
        kind: Service
        metadata: {name: s0}
        spec: {selector: {app: s0}, clusterIP: None, ports: [{name: http, port: 80, targetPort: http}]}
        """;

    [Theory]
    [InlineData("catalog.shop")]
    [InlineData("240.240.3.7")]
    [InlineData("fd77:6566:7400::3:7")]
    public void A_service_answers_to_its_name_and_to_each_of_its_addresses(string asked)
    {
        var snapshot = Snapshot(Model(Catalog));

        var resource = snapshot.Find(XdsType.Name, asked).ShouldNotBeNull();

        resource.Name.ShouldBe(asked);
        var name = Weft.V1.Name.Parser.ParseFrom(resource.Body);
        (name.Service, name.Namespace, name.Headless).ShouldBe(("catalog", "shop", false));
        name.Addresses.ShouldBe(["240.240.3.7", "fd77:6566:7400::3:7"]);
        name.Ports.ShouldBe([80u, 9000u]);
        snapshot.Origins(XdsType.Name, asked).Single().ToString().ShouldBe("Service shop/catalog");
    }

    [Theory]
    [InlineData("catalog")]
    [InlineData("catalog.default")]
    [InlineData("catalog.shop.svc")]
    [InlineData("catalog.shop:80")]
    [InlineData("240.240.3.8")]
    [InlineData("FD77:6566:7400::3:7")] // one address has one spelling
    [InlineData("outside.shop")]
    [InlineData("")]
    public void Anything_else_has_no_answer(string asked) =>
        Snapshot(Model($"{Catalog}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: outside, namespace: shop}}\nspec: {{type: ExternalName, externalName: example.org}}")).Find(XdsType.Name, asked).ShouldBeNull();

    [Fact]
    public void A_headless_service_is_where_its_endpoints_are_and_moves_with_them()
    {
        var translator = new Translator();
        var one = Model($"{Headless}\n---\n{MeshModelTests.Workload("a", "10.0.0.2", "s0")}");
        var before = translator.Snapshot(one, Client, "").Find(XdsType.Name, "s0.default")!;
        Weft.V1.Name.Parser.ParseFrom(before.Body).ShouldBe(new Weft.V1.Name { Service = "s0", Namespace = "default", Headless = true, Ports = { 80 }, Addresses = { "10.0.0.2" } });

        var two = MeshModel.Build(new ModelInputs(MeshModelTests.Read($"{Headless}\n---\n{MeshModelTests.Workload("a", "10.0.0.2", "s0")}\n---\n{MeshModelTests.Workload("b", "10.0.0.1", "s0")}"), [], 2), one);

        Weft.V1.Name.Parser.ParseFrom(translator.Snapshot(two, Client, "").Find(XdsType.Name, "s0.default")!.Body).Addresses.ShouldBe(["10.0.0.1", "10.0.0.2"]);
    }

    [Fact]
    public void An_instance_more_changes_no_name_of_a_service_with_an_address()
    {
        var translator = new Translator();
        var resources = MeshModelTests.Read(MeshModelTests.Service("s0").Replace("spec: {", "spec: {clusterIP: 240.240.0.9, "));
        var one = MeshModel.Build(new ModelInputs(resources, [], 1));
        var before = translator.Snapshot(one, Client, "").Find(XdsType.Name, "240.240.0.9").ShouldNotBeNull();

        var two = MeshModel.Build(new ModelInputs([.. resources, .. MeshModelTests.Read(MeshModelTests.Workload("a", "10.0.0.2", "s0"))], [], 2), one);

        translator.Snapshot(two, Client, "").Find(XdsType.Name, "240.240.0.9").ShouldBeSameAs(before);
    }

    private static readonly NodeInfo Client = new() { Id = "client.default", Workload = "client", Namespace = "default", ServiceAccount = "default", Address = IPAddress.Loopback };

    private static MeshModel Model(string yaml) => MeshModel.Build(new ModelInputs(MeshModelTests.Read(yaml), [], 1));

    private static NodeSnapshot Snapshot(MeshModel model) => new Translator().Snapshot(model, Client, "");
}
