using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Shouldly;
using Xunit;

namespace Weft.Xds.Tests.Resources;

public sealed class XdsTypesTests
{
    [Fact]
    public void Type_urls_are_the_names_of_the_messages()
    {
        MessageDescriptor[] messages = [Cluster.Descriptor, ClusterLoadAssignment.Descriptor, Listener.Descriptor, RouteConfiguration.Descriptor, Secret.Descriptor, Weft.V1.Name.Descriptor];
        XdsTypes.All.Select(t => t.TypeUrl()).ShouldBe(messages.Select(m => "type.googleapis.com/" + m.FullName));
        XdsTypes.All.Select(t => t.Service()).ShouldBe(["CDS", "EDS", "LDS", "RDS", "SDS", "NDS"]);
        XdsTypes.All.Select(t => (int)t).ShouldBe(Enumerable.Range(0, XdsTypes.Count));
    }

    [Fact]
    public void Type_url_is_read_back_and_another_is_refused()
    {
        foreach (var type in XdsTypes.All)
        {
            XdsTypes.TryParse(type.TypeUrl(), out var parsed).ShouldBeTrue();
            parsed.ShouldBe(type);
        }
        XdsTypes.TryParse("type.googleapis.com/envoy.service.runtime.v3.Runtime", out _).ShouldBeFalse();
        XdsTypes.TryParse("", out _).ShouldBeFalse();
    }

    [Fact]
    public void Ads_method_has_the_protocols_path()
    {
        AdsMethods.Delta.Path.ShouldBe("/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources");
        var method = Envoy.Service.Discovery.V3.AdsReflection.Descriptor.Services[0].FindMethodByName("DeltaAggregatedResources");
        AdsMethods.Delta.Path.ShouldBe($"/{method.Service.FullName}/{method.Name}");
    }

    [Fact]
    public void Version_depends_on_the_content_and_on_nothing_else()
    {
        var one = XdsResource.Of("a", new Cluster { Name = "x" });
        XdsResource.Of("b", new Cluster { Name = "x" }).Version.ShouldBe(one.Version);
        XdsResource.Of("a", new Cluster { Name = "y" }).Version.ShouldNotBe(one.Version);
        one.Version.Length.ShouldBe(XdsVersion.Length);
        // The first 64 bits of SHA-256 of nothing (FIPS 180-4 example).
        XdsVersion.Of([]).ShouldBe("e3b0c44298fc1c14");
    }
}
