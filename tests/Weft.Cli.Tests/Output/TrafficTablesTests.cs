using System.Text.Json.Nodes;
using Shouldly;
using Weft.Cli.Output;
using Xunit;

namespace Weft.Cli.Tests.Output;

public sealed class TrafficTablesTests
{
    [Fact]
    public void Services_and_edges_are_two_tables()
    {
        TrafficTables.Text(Stat(), terminal: false, servicesOnly: false, where: "").ShouldBe(
            """
            SERVICE       RPS  SUCCESS      P50      P95       P99  MTLS
            catalog      15.9     100%   1.1 ms  12.3 ms  104.0 ms  100%
            shop/orders   4.2   99.99%  10.0 ms  20.0 ms   30.0 ms   50%

            FROM        TO            RPS  SUCCESS     P50      P95       P99  MTLS
            storefront  catalog      15.9     100%  1.1 ms  12.3 ms  104.0 ms  100%
            unknown     shop/orders   2.1       0%  0.0 ms   0.0 ms    0.0 ms    0%

            """);
    }

    [Fact]
    public void Bytes_have_a_table_of_their_own_and_stand_alone_where_there_are_no_requests()
    {
        var connections = JsonNode.Parse("""
            [{"from": "default/client", "to": "default/ledger", "connectionsPerSecond": 2.04, "open": 20, "failures": 0, "sentBytesPerSecond": 512, "receivedBytesPerSecond": 1234567.8, "mtlsShare": 1},
             {"from": "unknown", "to": "shop/cache", "connectionsPerSecond": 0, "open": 3, "failures": 4, "sentBytesPerSecond": 999.96, "receivedBytesPerSecond": 0, "mtlsShare": 0.9999}]
            """)!;
        const string Table = """
            TCP FROM  TO          CONN/S  OPEN  FAILED  SENT/S  RECEIVED/S    MTLS
            client    ledger         2.0    20       0   512 B      1.2 MB    100%
            unknown   shop/cache     0.0     3       4  1.0 kB         0 B  99.99%

            """;
        var stat = Stat();
        stat["connections"] = connections.DeepClone();
        TrafficTables.Text(stat, terminal: false, servicesOnly: false, where: "").ShouldEndWith($"0.0 ms    0%\n\n{Table}");
        TrafficTables.Text(new JsonObject { ["services"] = new JsonArray(), ["edges"] = new JsonArray(), ["connections"] = connections }, terminal: false, servicesOnly: false, where: "").ShouldBe(Table);
    }

    [Fact]
    public void Services_alone_are_one() => TrafficTables.Text(Stat(), terminal: false, servicesOnly: true, where: "").ShouldNotContain("FROM");

    [Fact]
    public void No_traffic_says_how_to_make_some() =>
        TrafficTables.Text(JsonNode.Parse("""{"services":[],"edges":[]}""")!, terminal: false, servicesOnly: false, where: "").ShouldContain("no requests in the last 30 s");

    [Fact]
    public void A_share_just_short_of_the_whole_is_not_shown_as_the_whole()
    {
        var stat = JsonNode.Parse("""{"services":[{"name":"default/a","requestsPerSecond":1000,"successRate":0.9999999,"mtlsShare":0.999999,"p50Ms":1,"p95Ms":1,"p99Ms":1}]}""")!;
        TrafficTables.Services(stat).Rows[0].Select(c => c.Text).ShouldBe(["a", "1000.0", "99.99%", "1.0 ms", "1.0 ms", "1.0 ms", "99.99%"]);
    }

    private static JsonNode Stat() => JsonNode.Parse("""
        {"services": [
          {"name": "default/catalog", "requestsPerSecond": 15.92, "successRate": 1, "mtlsShare": 1, "p50Ms": 1.085, "p95Ms": 12.31, "p99Ms": 104},
          {"name": "shop/orders", "requestsPerSecond": 4.2, "successRate": 0.99997, "mtlsShare": 0.5, "p50Ms": 10, "p95Ms": 20, "p99Ms": 30}],
         "edges": [
          {"from": "default/storefront", "to": "default/catalog", "requestsPerSecond": 15.92, "successRate": 1, "mtlsShare": 1, "p50Ms": 1.085, "p95Ms": 12.31, "p99Ms": 104},
          {"from": "unknown", "to": "shop/orders", "requestsPerSecond": 2.1, "successRate": 0, "mtlsShare": 0, "p50Ms": 0, "p95Ms": 0, "p99Ms": 0}]}
        """)!;
}
