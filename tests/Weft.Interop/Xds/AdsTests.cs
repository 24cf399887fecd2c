using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Envoy.Service.Discovery.V3;
using Shouldly;
using Weft.Grpc;
using Weft.Grpc.Tests.Hosting;
using Weft.Interop.Hosting;
using Weft.Xds;
using Weft.Xds.Tests.Harness;
using Xunit;

namespace Weft.Interop.Xds;

/// <summary>Incremental ADS with grpc-js and the protocol's own .proto files at the other end.</summary>
public sealed class AdsTests
{
    [Fact]
    public async Task Life_of_a_client_from_its_first_request_to_its_second_stream()
    {
        var ads = new Ads(TestSnapshot.Empty.With("CDS a=1 b=1", "EDS a=1", "RDS r=a"));
        await using var server = await TestServer.StartAsync(new GrpcServer<KestrelExchange>.Builder().Stream(AdsMethods.Delta, ads.ServeAsync).Build());
        using var peer = Peer.Start("node/ads.mjs", server.Address.Authority);

        await peer.TellAsync("""{"open":true}""");
        await Send(peer, XdsType.Cluster, """{"node":{"id":"js"}}""");
        var clusters = await Receive(peer, "CDS +a=1 +b=1");
        await Ack(peer, XdsType.Cluster, clusters);
        await Send(peer, XdsType.Route, """{"resource_names_subscribe":["r","nothing"]}""");
        var routes = await Receive(peer, "RDS +r=a -nothing");
        await Ack(peer, XdsType.Route, routes);

        // A refusal reaches the report with the client's words, and the resource stays away until it changes.
        ads.Change("RDS r=bad");
        routes = await Receive(peer, "RDS +r=bad");
        await Send(peer, XdsType.Route, $$$"""{"response_nonce":"{{{routes}}}","error_detail":{"code":3,"message":"r: no such cluster"}}""");
        await ads.Until(s => s.Nacks is [{ Name: "r", Message: "r: no such cluster" }]);
        ads.Change("RDS r=b", "CDS a-");
        routes = await Receive(peer, "RDS +r=b");
        await Ack(peer, XdsType.Route, routes);
        clusters = await Receive(peer, "CDS -a");
        await Ack(peer, XdsType.Cluster, clusters);
        await ads.Until(s => s.SyncedRevision == ads.Snapshot.Revision && s.Nacks.Count == 0);

        await peer.TellAsync("""{"close":true}""");
        JsonNode.Parse((await peer.ReadLineAsync())!)!["status"]!.GetValue<int>().ShouldBe(1);
        await ads.Ended;

        // What the client holds is not sent again; what changed meanwhile is.
        ads.Change("CDS c=1");
        await peer.TellAsync("""{"open":true}""");
        await Send(peer, XdsType.Cluster,
            $$$"""{"node":{"id":"js"},"resource_names_subscribe":["*"],"initial_resource_versions":{"b":"{{{TestSnapshot.Version("1")}}}","gone":"0"}}""");
        clusters = await Receive(peer, "CDS +c=1");
        await Ack(peer, XdsType.Cluster, clusters);
        await Receive(peer, "CDS -gone");
    }

    private static Task Send(Peer peer, XdsType type, string request)
    {
        var message = JsonNode.Parse(request)!;
        message["type_url"] = type.TypeUrl();
        return peer.TellAsync(new JsonObject { ["send"] = message }.ToJsonString());
    }

    private static Task Ack(Peer peer, XdsType type, string nonce) => Send(peer, type, $$"""{"response_nonce":"{{nonce}}"}""");

    /// <summary>Reads one response, which must say what is expected; gives its nonce.</summary>
    private static async Task<string> Receive(Peer peer, string expected)
    {
        var response = JsonNode.Parse((await peer.ReadLineAsync()).ShouldNotBeNull())!;
        var typeUrl = response["type_url"]!.GetValue<string>();
        XdsTypes.TryParse(typeUrl, out var type).ShouldBeTrue();
        var words = response["resources"]!.AsArray().Select(r =>
        {
            r!["type_url"]!.GetValue<string>().ShouldBe(typeUrl);
            return $"+{r["name"]}={r["value"]}";
        });
        string.Join(' ', [type.Service(), .. words, .. response["removed"]!.AsArray().Select(r => $"-{r}")]).ShouldBe(expected);
        return response["nonce"]!.GetValue<string>();
    }

    /// <summary>One stream at a time over a snapshot that the test changes.</summary>
    private sealed class Ads(TestSnapshot snapshot)
    {
        private readonly Channel<TestSnapshot> _changes = Channel.CreateUnbounded<TestSnapshot>();
        private readonly Lock _lock = new(); // guards the stream's state machine and Snapshot
        private DeltaServerStream _stream = new();
        private TaskCompletionSource _ended = new();

        public TestSnapshot Snapshot { get; private set; } = snapshot;

        public Task Ended => _ended.Task.WaitAsync(TimeSpan.FromSeconds(20));

        public void Change(params string[] changes)
        {
            lock (_lock) Snapshot = Snapshot.With(changes);
            _changes.Writer.TryWrite(Snapshot);
        }

        public async Task Until(Func<DeltaServerStream, bool> condition)
        {
            for (var i = 0; i < 500; i++)
            {
                lock (_lock) if (condition(_stream)) return;
                await Task.Delay(20);
            }
            throw new TimeoutException("the stream's report did not come to what the test waits for");
        }

        public async Task ServeAsync(GrpcServerCall call, KestrelExchange exchange)
        {
            var ended = _ended = new TaskCompletionSource();
            var stream = _stream = new DeltaServerStream();
            while (_changes.Reader.TryRead(out _)) { } // the newest is taken below
            try
            {
                await Write(call, () => stream.OnSnapshot(Snapshot));
                var reading = call.ReadAsync(DeltaDiscoveryRequest.Parser).AsTask();
                while (true)
                {
                    var changed = _changes.Reader.WaitToReadAsync(call.Cancellation).AsTask();
                    if (await Task.WhenAny(reading, changed) == reading)
                    {
                        if (await reading is not { } request) return;
                        await Write(call, () => stream.OnRequest(request));
                        reading = call.ReadAsync(DeltaDiscoveryRequest.Parser).AsTask();
                    }
                    else if (await changed && _changes.Reader.TryRead(out var next))
                    {
                        await Write(call, () => stream.OnSnapshot(next));
                    }
                }
            }
            finally
            {
                ended.SetResult();
            }
        }

        private async Task Write(GrpcServerCall call, Func<IReadOnlyList<DeltaDiscoveryResponse>> step)
        {
            IReadOnlyList<DeltaDiscoveryResponse> responses;
            lock (_lock) responses = step();
            foreach (var response in responses) await call.WriteAsync(response);
        }
    }
}
