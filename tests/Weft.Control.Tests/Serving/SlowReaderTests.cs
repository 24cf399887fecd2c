using Envoy.Service.Discovery.V3;
using Shouldly;
using Weft.Control.Serving;
using Weft.Grpc;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Serving;

public sealed class SlowReaderTests : IAsyncLifetime
{
    private const int Services = 400;
    private readonly TestControl _control = new()
    {
        Configure = o => o with { Serving = new ServingOptions { SlowReaderGrace = TimeSpan.FromSeconds(4), MinReadBytesPerSecond = 1 << 20 } },
    };

    public ValueTask InitializeAsync() => _control.InitializeAsync();

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    [Fact]
    public async Task Proxy_that_stops_reading_delays_nobody_and_loses_its_connection()
    {
        await _control.ApplyAsync(string.Join("\n---\n", Enumerable.Range(0, Services).Select(i => TestControl.Shop($"s{i}"))));
        await using var good = await TestProxy.JoinAsync(_control, "s1-1");
        await good.OpenAsync("s0.default:80");
        await using var slow = await TestProxy.JoinAsync(_control, "s2-1");
        await using var stuck = await slow.Grpc.DuplexAsync(AdsMethods.Delta);
        // More than every buffer and window on the way holds, and never a read.
        foreach (var type in new[] { XdsType.Cluster, XdsType.Endpoint, XdsType.Route })
        {
            var request = new DeltaDiscoveryRequest { Node = TestProxy.NodeOf("s2-1"), TypeUrl = type.TypeUrl() };
            request.ResourceNamesSubscribe.Add(Enumerable.Range(0, Services).Select(i => $"s{i}.default:80"));
            await stuck.WriteAsync(request);
        }
        await TestProxy.UntilAsync(() => Connected("s2-1.default") == true, "the slow one");

        var before = await good.WaitForAsync(XdsType.Endpoint, "s0.default:80");
        await _control.ApplyAsync(TestControl.Shop("s0", port: 7000));
        await good.WaitForAsync(XdsType.Endpoint, "s0.default:80", otherThan: before.Version);
        await TestProxy.UntilAsync(() => Connected("s2-1.default") == false, "the end of the slow one");
        Connected("s1-1.default").ShouldBe(true);
        await Should.ThrowAsync<GrpcException>(async () => { while (await stuck.ReadAsync() is not null) { } });
    }

    private bool? Connected(string node) =>
        (bool?)_control.GetAsync("/weft/v1/proxies").Result["proxies"]!.AsArray().FirstOrDefault(p => (string?)p!["node"] == node)?["connected"];
}
