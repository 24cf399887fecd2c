using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Shouldly;
using Weft.Cli.Running;
using Weft.Control.Model;
using Weft.Control.Translation;
using Weft.Resources;
using Xunit;

namespace Weft.Cli.Tests.Running;

public sealed class WorkloadObjectsTests
{
    private static readonly RunOptions Catalog = new()
    {
        Service = "catalog", Version = "v1", Port = 9081, ServiceAccount = "books", Command = ["catalog"],
        Labels = ImmutableSortedDictionary<string, string>.Empty.Add("team", "shop"), Upstreams = [new Upstream(7001, "reviews.default:80")],
    };

    private static readonly WorkloadObjects Objects = new(Catalog, "catalog-v1-abcde", new SidecarPorts(20001, 20002, 20003));

    [Fact]
    public void Everything_that_is_written_passes_validation_without_a_word()
    {
        JsonObject[] written = [Objects.ServiceAccount(), .. Objects.Services(), Objects.Workload(healthy: true), Objects.Lease(DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(15))];
        foreach (var json in written)
        {
            var read = ResourceReader.ReadJson(json, "written");
            read.Diagnostics.ShouldBeEmpty(json.ToJsonString());
            read.Resources.Length.ShouldBe(1);
        }
    }

    [Fact]
    public void Workload_and_lease_say_that_a_run_made_them_and_services_which_outlive_it_do_not()
    {
        foreach (var json in (JsonObject[])[Objects.Workload(true), Objects.Lease(DateTimeOffset.UnixEpoch, TimeSpan.FromSeconds(15))])
            ((string?)json["metadata"]!["labels"]!["weft.dev/managed-by"]).ShouldBe("weft-run");
        foreach (var service in Objects.Services()) service["metadata"]!.AsObject().ShouldNotContainKey("labels");
    }

    [Fact]
    public void Both_services_select_the_workload_and_the_one_of_the_version_selects_only_it()
    {
        var labels = Read<Workload>(Objects.Workload(true)).Metadata.Labels;
        labels.ShouldContainKeyAndValue("team", "shop");
        var services = Objects.Services().Select(Read<Service>).ToList();
        services.Select(s => s.Metadata.Name).ShouldBe(["catalog", "catalog-v1"]);
        foreach (var service in services) service.Selector.ShouldAllBe(s => labels[s.Key] == s.Value);
        services[0].Selector.ShouldNotContainKey("version");
    }

    [Fact]
    public void A_workload_takes_requests_only_once_its_application_listens()
    {
        Read<Workload>(Objects.Workload(healthy: false)).Health.ShouldBe(WorkloadHealth.Unhealthy);
        var workload = Read<Workload>(Objects.Workload(healthy: true));
        workload.Health.ShouldBe(WorkloadHealth.Healthy);
        workload.Ports["http"].ShouldBe(9081);
        workload.Sidecar!.Inbound["http"].ShouldBe(20001);
        workload.ServiceAccount.ShouldBe("books");
    }

    [Theory]
    [InlineData("tcp", 5432, "Tcp")]
    [InlineData("tls", 5432, "Tls")]
    [InlineData("grpc", 80, "Http2")]
    [InlineData("http2", 80, "Http2")]
    [InlineData("http", 80, "Http")]
    public void What_the_application_speaks_is_declared_and_bytes_are_called_by_its_own_number(string protocol, int called, string carries)
    {
        var objects = new WorkloadObjects(Catalog with { Protocol = protocol, Port = 5432, Version = "" }, "ledger-abcde", new SidecarPorts(20001, 20002, 20003));
        var port = Read<Service>(objects.Services().Single()).Ports.Single();
        port.Port.ShouldBe(called);
        PortProtocolDecision.Of(port, claim: null).Protocol.ToString().ShouldBe(carries);
        var workload = Read<Workload>(objects.Workload(healthy: true));
        workload.Ports[port.TargetPort.Name].ShouldBe(5432);
        workload.Sidecar!.Inbound[port.TargetPort.Name].ShouldBe(20001);
        var node = JsonParser.Default.Parse<Node>(SidecarBootstrap.Create(SidecarNode.Of(objects), new DnsEndPoint("127.0.0.1", 15012))["node"]!.ToJsonString());
        NodeInfo.TryRead(node, out var info, out var error).ShouldBeTrue(error);
        info!.Inbound.ShouldBe([new InboundPort(port.TargetPort.Name, 5432, 20001)]);
    }

    [Fact]
    public void A_pure_client_has_an_identity_and_no_service()
    {
        var client = new WorkloadObjects(Catalog with { Port = null, Version = "" }, "traffic-abcde", new SidecarPorts(null, 20002, 20003));
        client.Services().ShouldBeEmpty();
        ResourceReader.ReadJson(client.Workload(true), "written").Diagnostics.ShouldBeEmpty();
    }

    [Fact]
    public void The_bootstrap_says_what_the_control_plane_makes_listeners_from()
    {
        var bootstrap = SidecarBootstrap.Create(SidecarNode.Of(Objects), new DnsEndPoint("127.0.0.1", 15012));
        var node = JsonParser.Default.Parse<Node>(bootstrap["node"]!.ToJsonString());
        NodeInfo.TryRead(node, out var info, out var error).ShouldBeTrue(error);
        info!.Id.ShouldBe("catalog-v1-abcde.default");
        info.Inbound.ShouldBe([new InboundPort("http", 9081, 20001)]);
        info.OutboundPort.ShouldBe(20002);
        info.AdminPort.ShouldBe(20003);
        info.Upstreams.ShouldHaveSingleItem().Target.ToString().ShouldBe("reviews.default:80");
        info.ServiceAccount.ShouldBe("books");
    }

    [Fact]
    public void A_workload_that_somebody_wrote_has_a_bootstrap_too()
    {
        const string written = """
            {"apiVersion": "weft.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "db-1", "namespace": "shop", "labels": {"app": "db"}},
             "spec": {"address": "10.77.0.4", "serviceAccount": "books", "ports": {"sql": 5432, "web": 8080}, "sidecar": {"inbound": {"sql": 25432}}}}
            """;
        var workload = Read<Workload>(JsonNode.Parse(written)!.AsObject());
        var node = JsonParser.Default.Parse<Node>(SidecarBootstrap.Create(SidecarNode.Of(workload, transparent: true), new DnsEndPoint("10.77.0.1", 15012))["node"]!.ToJsonString());
        NodeInfo.TryRead(node, out var info, out var error).ShouldBeTrue(error);
        info!.Id.ShouldBe("db-1.shop");
        (info.Service, info.ServiceAccount, info.Address.ToString()).ShouldBe(("db", "books", "10.77.0.4"));
        info.Inbound.ShouldBe([new InboundPort("sql", 5432, 25432)], "the sidecar takes what it says it takes");
        (info.OutboundPort, info.AdminPort, info.TransparentPort, info.DnsPort).ShouldBe((null, 15000, 15001, 15053));
        SidecarNode.Of(workload, transparent: false).Redirected.ShouldBeNull();
    }

    [Theory]
    [InlineData("catalog", "", "^catalog-[a-z2-9]{5}$")]
    [InlineData("catalog", "V1_2", "^catalog-v1-2-[a-z2-9]{5}$")]
    public void A_name_is_the_service_the_version_and_something_short(string service, string version, string pattern) =>
        WorkloadObjects.NewName(Catalog with { Service = service, Version = version }, new Random(1)).ShouldMatch(pattern);

    private static T Read<T>(JsonObject json) where T : ResourceObject => ResourceReader.ReadJson(json, "written").Resources.Single().ShouldBeOfType<T>();
}
