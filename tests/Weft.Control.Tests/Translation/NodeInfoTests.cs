using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Control.Model;
using Weft.Control.Translation;
using Xunit;

namespace Weft.Control.Tests.Translation;

public sealed class NodeInfoTests
{
    private const string Complete = """
        {"workload":"catalog-1","namespace":"default","serviceAccount":"catalog","service":"catalog","version":"v1","address":"10.0.0.1",
         "inbound":[{"name":"http","port":8080,"listen":15006}],"outboundPort":15001,"upstreams":[{"port":9000,"target":"orders.shop:80"}],"adminPort":15020,
         "somethingNewer":{"a":1}}
        """;

    [Fact]
    public void A_complete_node_is_read_and_newer_fields_are_ignored()
    {
        NodeInfo.TryRead(Node(Complete), out var info, out var error).ShouldBeTrue(error);

        (info!.Workload, info.Namespace, info.ServiceAccount, info.Service, info.Version, info.AdminPort, info.OutboundPort).ShouldBe(("catalog-1", "default", "catalog", "catalog", "v1", 15020, 15001));
        info.Inbound.ShouldBe([new InboundPort("http", 8080, 15006)]);
        info.Upstreams.ShouldBe([new UpstreamPort(9000, new ServicePortKey("orders", "shop", 80))]);
    }

    [Fact]
    public void What_a_node_does_not_announce_it_does_not_have()
    {
        NodeInfo.TryRead(Node(Complete), out var old, out _).ShouldBeTrue();
        (old!.TakesBytes, old.NetworkNamespace, old.TransparentPort, old.DnsPort).ShouldBe((false, "", null, null));

        var newer = Node(Complete.Replace("\"adminPort\"", "\"networkNamespace\":\"/run/weft/ns/a\",\"transparentPort\":15101,\"dnsPort\":15053,\"adminPort\""));
        newer.ClientFeatures.Add("weft.v1.bytes");
        NodeInfo.TryRead(newer, out var read, out var error).ShouldBeTrue(error);
        (read!.TakesBytes, read.NetworkNamespace, read.TransparentPort, read.DnsPort).ShouldBe((true, "/run/weft/ns/a", 15101, 15053));
        read.ShouldNotBe(old);
    }

    [Fact]
    public void Equal_nodes_are_equal()
    {
        NodeInfo.TryRead(Node(Complete), out var one, out _);
        NodeInfo.TryRead(Node(Complete), out var two, out _);
        NodeInfo.TryRead(Node(Complete.Replace("15006", "15007")), out var three, out _);

        two.ShouldBe(one);
        three.ShouldNotBe(one);
    }

    [Theory]
    [InlineData("\"workload\":\"catalog-1\"", "\"workload\":7", "weft.dev.workload is no text")]
    [InlineData("\"workload\":\"catalog-1\",", "", "weft.dev.workload is missing")]
    [InlineData("\"workload\":\"catalog-1\"", "\"workload\":\"catalog-2\"", "the ID must be workload.namespace")]
    [InlineData("\"10.0.0.1\"", "\"nowhere\"", "weft.dev.address is no IP address")]
    [InlineData("\"listen\":15006", "\"listen\":0", "weft.dev.inbound[0].listen is no port")]
    [InlineData("\"listen\":15006", "\"listen\":80.5", "weft.dev.inbound[0].listen is no port")]
    [InlineData("\"listen\":15006", "\"listen\":15001", "port 15001 stands twice")]
    [InlineData("[{\"port\":9000,\"target\":\"orders.shop:80\"}]", "{}", "weft.dev.upstreams is no list")]
    [InlineData("[{\"port\":9000,\"target\":\"orders.shop:80\"}]", "[1]", "weft.dev.upstreams[0] is no object")]
    [InlineData("orders.shop:80", "orders", "upstream target \"orders\" is not service.namespace:port")]
    public void A_node_that_cannot_be_is_an_error_that_names_the_field(string from, string to, string message)
    {
        NodeInfo.TryRead(Node(Complete.Replace(from, to)), out var info, out var error).ShouldBeFalse();

        info.ShouldBeNull();
        error.ShouldStartWith("node \"catalog-1.default\": ");
        error.ShouldContain(message);
    }

    [Fact]
    public void A_node_of_another_make_is_an_error()
    {
        var stranger = Node(Complete);
        stranger.ClientFeatures.Clear();
        NodeInfo.TryRead(stranger, out _, out var noFeature).ShouldBeFalse();
        noFeature.ShouldContain("weft.v1 is missing");

        NodeInfo.TryRead(new Node { Id = "x", ClientFeatures = { "weft.v1" } }, out _, out var noMetadata).ShouldBeFalse();
        noMetadata.ShouldContain("metadata weft.dev is missing");
    }

    private static Node Node(string json) => new()
    {
        Id = "catalog-1.default",
        ClientFeatures = { "weft.v1" },
        Metadata = new Struct { Fields = { ["weft.dev"] = Value.ForStruct(JsonParser.Default.Parse<Struct>(json)) } },
    };
}
