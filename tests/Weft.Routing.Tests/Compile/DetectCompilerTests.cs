using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Compile;
using Weft.Routing.Listeners;
using Xunit;
using Listener = Weft.Routing.Listeners.Listener;

namespace Weft.Routing.Tests.Compile;

public sealed class DetectCompilerTests
{
    private static readonly IMessage Tcp = new TcpProxy { StatPrefix = "app", Cluster = "inbound:5432" };

    [Fact]
    public void A_chain_that_detects_has_both_whatever_their_order()
    {
        foreach (var filters in new[] { new[] { Tcp, TestResources.Manager(), new Weft.V1.Detect() }, [new Weft.V1.Detect(), TestResources.Manager(), Tcp] })
        {
            var chain = Compile(filters).Value!.FilterChains[0];
            chain.Http.ShouldNotBeNull();
            chain.Bytes!.Clusters[0].Name.ShouldBe("inbound:5432");
            chain.Detection.ShouldBe(ProtocolDetection.Default);
        }
    }

    [Fact]
    public void Limits_are_honoured_and_bounded()
    {
        Compile([new Weft.V1.Detect { Limit = Seconds(0.5), Remember = Seconds(0) }, TestResources.Manager(), Tcp]).Value!.FilterChains[0].Detection
            .ShouldBe(new ProtocolDetection(TimeSpan.FromMilliseconds(500), TimeSpan.Zero));
        const string At = "filter_chains[0].filters[0].typed_config.";
        Refused([new Weft.V1.Detect { Limit = Seconds(0) }, TestResources.Manager(), Tcp]).ShouldBe([At + "limit"]);
        Refused([new Weft.V1.Detect { Limit = Seconds(10.001) }, TestResources.Manager(), Tcp]).ShouldBe([At + "limit"]);
        Refused([new Weft.V1.Detect { Remember = Seconds(90_000) }, TestResources.Manager(), Tcp]).ShouldBe([At + "remember"]);
    }

    [Fact]
    public void Two_filters_that_take_the_connection_need_something_to_choose_and_the_other_way_round()
    {
        Refused([TestResources.Manager(), Tcp]).ShouldBe(["filter_chains[0].filters"]);
        Refused([new Weft.V1.Detect(), Tcp]).ShouldBe(["filter_chains[0].filters"]);
        Refused([]).ShouldBe(["filter_chains[0].filters"]);
        Refused([new Weft.V1.ForwardProxy(), Tcp]).ShouldBe(["filter_chains[0].filters[0]"]);
    }

    private static Duration Seconds(double seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));

    private static IEnumerable<string> Refused(IMessage[] filters) => Compile(filters).Rejections.Select(r => r.Field);

    private static Compiled<Listener> Compile(IMessage[] filters)
    {
        var listener = TestResources.Listener(TestResources.Manager());
        listener.FilterChains[0].Filters.Clear();
        foreach (var filter in filters) listener.FilterChains[0].Filters.Add(new Filter { Name = filter.Descriptor.Name, TypedConfig = Any.Pack(filter) });
        return ListenerCompiler.Compile(listener);
    }
}
