using Weft.Bench.Measuring;
using Weft.Bench.Peers;
using Weft.Bench.Results;

namespace Weft.Bench.Rows;

/// <param name="Name">On the command line.</param>
/// <param name="Says">What it measures.</param>
/// <param name="Minutes">How long it takes at seven rounds.</param>
/// <param name="IsMain">Part of <c>--quick</c>.</param>
/// <param name="Requirements">What Weft must reach in it.</param>
internal sealed record Row(string Name, string Says, double Minutes, bool IsMain, Func<Run, Task> MeasureAsync, params Requirement[] Requirements);

/// <summary>The table of what is measured and what is required.</summary>
internal static class AllRows
{
    private const string Handshakes = "full handshakes per CPU second", HandshakesWithTickets = "the same with the tickets that each gives by default", Bytes = "MB per CPU second",
        ByteConnections = "connections per CPU second";

    private static readonly Row H1 = new("h1", "HTTP/1.1, keep-alive, 1 KB; bare on all sides", 3, IsMain: true,
        run => ClosedLoop.MeasureAsync(run, "h1", Reach.Http1, AllPeers.Application, (c, time) => Tools.WrkAsync(c.Url, time)),
        new Requirement(ClosedLoop.Cost, Contender.Nginx, Required: null), new Requirement(ClosedLoop.Cost, Contender.Haproxy, Required: null));

    private static readonly Row Routes = new("routes", "the same at equal work: 500 routes by host and header, metrics, request ids and trace context", 2.5, IsMain: true,
        run =>
        {
            run.Sheet.Warn("no access rules: Weft's data plane has none yet, so the peers check none either; and nginx counts nothing per route");
            return ClosedLoop.MeasureAsync(run, "routes", Reach.Http1, AllPeers.Application, (c, time) => Tools.WrkAsync(c.Url, time, Repository.Peer("routes/requests.lua")));
        },
        new Requirement(ClosedLoop.Cost, Contender.Nginx, 1.0, 0.80), new Requirement(ClosedLoop.Cost, Contender.Haproxy, 1.0, 0.80));

    private static readonly Row Mtls = new("mtls", "HTTP/1.1, 1 KB, mutual TLS 1.3 on both sides, AES-128-GCM, P-256 certificates, keep-alive", 3, IsMain: true,
        async run =>
        {
            await using var held = new HeldConnections();
            await ClosedLoop.MeasureAsync(run, "mtls", Reach.MutualTls, AllPeers.Application, held.LoadAsync);
        },
        new Requirement(ClosedLoop.Cost, Contender.Nginx, 1.0, 0.90), new Requirement(ClosedLoop.Cost, Contender.Haproxy, Required: null));

    private static readonly Row H2 = new("h2", "HTTP/2 on both sides, gRPC-like: small messages, trailers, 8 connections of 16 streams", 3, IsMain: true,
        run =>
        {
            if (AllPeers.GrpcApplication is { } application) return ClosedLoop.MeasureAsync(run, "h2", Reach.Http2, application, (c, time) => Tools.H2LoadAsync(c.Url, time));
            run.Sheet.Warn("left out: its application is not installed: apt-get install nghttp2-server");
            return Task.CompletedTask;
        },
        new Requirement(ClosedLoop.Cost, Contender.Haproxy, 1.0, 0.85), new Requirement(ClosedLoop.Cost, Contender.Nginx, Required: null));

    private static readonly Row Chain = new("chain", "the default path: HTTP/1.1 - proxy - mutual TLS - proxy - HTTP/1.1, both proxies together", 2.5, IsMain: true,
        run => ClosedLoop.MeasureAsync(run, "chain", Reach.Http1, AllPeers.Application, (c, time) => Tools.WrkAsync(c.Url, time)),
        new Requirement(ClosedLoop.Cost, Contender.Nginx, 1.0, 0.80), new Requirement(ClosedLoop.Cost, Contender.Haproxy, Required: null));

    private static readonly Row Body = new("body", "HTTP/1.1, keep-alive, bodies of 100 KB", 3, IsMain: true,
        run => ClosedLoop.MeasureAsync(run, "h1", Reach.Http1, AllPeers.Application, (c, time) => Tools.WrkAsync(new Uri(c.Url, "/100k"), time)),
        new Requirement(ClosedLoop.Cost, Contender.Haproxy, 1.0, 0.85), new Requirement(ClosedLoop.Cost, Contender.Nginx, Required: null));

    private static readonly Row Tcp = new("tcp", "TCP passed through, answers of 1 MB on 8 connections", 1.5, IsMain: false,
        run => ClosedLoop.MeasureAsync(run, "tcp", Reach.Http1, AllPeers.Application, (c, time) => Tools.WrkAsync(new Uri(c.Url, "/1m"), time, connections: 8), (Bytes, 1.048576)),
        new Requirement(Bytes, Contender.Haproxy, 1.0, 1.2, AtLeast: true));

    private static readonly Row TcpRate = new("tcp-rate", "TCP passed through, new connections: connect, one small exchange, close", 1.5, IsMain: false,
        run => ConnectionsAsync(run, "tcp-rate", Reach.Http1, AllPeers.Application, ByteConnections),
        new Requirement(ByteConnections, Contender.Haproxy, 1.0, AtLeast: true), new Requirement(ByteConnections, Contender.Nginx, Required: null, AtLeast: true));

    private static readonly Row HandshakeRow = new("handshakes", "new connections with mutual TLS 1.3, one small answer each, no resumption; X25519, P-256 certificates", 4, IsMain: false,
        async run =>
        {
            await ConnectionsAsync(run, "handshakes", Reach.MutualTls, application: null, Handshakes);
            await ConnectionsAsync(run, "handshakes-tickets", Reach.MutualTls, application: null, HandshakesWithTickets);
        },
        new Requirement(Handshakes, Contender.Nginx, 1.0, AtLeast: true), new Requirement(Handshakes, Contender.Haproxy, Required: null, AtLeast: true),
        new Requirement(HandshakesWithTickets, Contender.Nginx, Required: null, AtLeast: true));

    private static readonly Row LatencyRow = new("latency", "added latency at 2,000 requests per second", 4, IsMain: false, Latency.MeasureAsync,
        new Requirement("added p50", null, 0.12, 0.10), new Requirement("added p99", null, 0.30, 0.20), new Requirement("processors per 1,000 requests/s", Contender.Nginx, Required: null));

    private static readonly Row Churn = new("churn", "latency at 2,000 requests per second while 100 endpoint changes per second arrive", 2, IsMain: false, ChurnRow.MeasureAsync,
        new Requirement("p99", null, 1.0, 0.5, Of: ChurnRow.Churning), new Requirement("p99", null, Required: null, Of: ChurnRow.Quiet));

    private static readonly Row MemoryRow = new("memory", "memory of a sidecar after load, in meshes of different sizes", 3, IsMain: false, Memory.MeasureAsync,
        new Requirement(ClosedLoop.Resident, null, 80, 60, Of: Memory.Large), new Requirement(ClosedLoop.Resident, Memory.Small, 1.0, Of: Memory.Large),
        new Requirement(ClosedLoop.Resident, null, Required: null, Of: Memory.AllCalled));

    private static readonly Row Start = new("start", "start to accepting, to the first answer, and to warm", 2, IsMain: false, Startup.MeasureAsync,
        new Requirement(Startup.Accepts, null, 150, Of: Startup.FromCache), new Requirement(Startup.Warm, null, 2000, Of: Startup.FromCache),
        new Requirement(Startup.Accepts, null, Required: null), new Requirement(Startup.Warm, null, Required: null));

    private static readonly Row DetectionRow = new("detection", "connect to greeting of a server that speaks first, through two sidecars, on declared and undeclared ports", 1, IsMain: false, Detection.MeasureAsync,
        new Requirement(Detection.AddedP99, null, 5, Of: Detection.Undeclared), new Requirement(Detection.First, null, 100, Of: Detection.Undeclared),
        new Requirement(Detection.AddedP99, null, 5, Of: Detection.Forgetful), new Requirement(Detection.AddedP99, null, Required: null, Of: Detection.Declared),
        new Requirement(Detection.First, null, Required: null, Of: Detection.Declared));

    public static IReadOnlyList<Row> InOrder { get; } =
        [Routes, Mtls, H2, Chain, Body, Tcp, TcpRate, DetectionRow, HandshakeRow, LatencyRow, Churn, MemoryRow, Start, H1, IdleRow(2_000, 4), IdleRow(10_000, 6)];

    /// <summary>Connections that are opened, carry one exchange and are closed.</summary>
    private static async Task ConnectionsAsync(Run run, string folder, Reach reach, Peer? application, string metric)
    {
        var generators = new Dictionary<string, Generator>();
        try
        {
            await ClosedLoop.MeasureAsync(run, folder, reach, application, async (c, time) =>
            {
                if (!generators.TryGetValue(c.Name, out var generator)) generators[c.Name] = generator = Generator.Start(c.Url, "h1");
                return (await generator.DoAsync($"handshakes 16 {time.TotalSeconds:0}")).Count;
            }, (metric, 1));
        }
        finally
        {
            foreach (var generator in generators.Values) await generator.DisposeAsync();
        }
    }

    private static Row IdleRow(int connections, double minutes) => new($"idle-{connections}", $"{connections:N0} connections on which little happens", minutes, IsMain: false,
        run => Idle.MeasureAsync(run, connections),
        new Requirement(Idle.MemoryOf("h1"), Contender.Nginx, Required: null), new Requirement(Idle.MemoryOf("h1 mTLS"), Contender.Nginx, Required: null),
        new Requirement(Idle.MemoryOf("h2 mTLS"), Contender.Nginx, Required: null));
}
