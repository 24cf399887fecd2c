using System.Globalization;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Scenarios.CommandLine;
using Xunit;

namespace Weft.Scenarios.Transparent;

/// <summary>The whole promise of interception: programs of other people, on machines that have a sidecar, and the wire between them.</summary>
public sealed class TransparentMeshTests(TransparentMesh mesh) : IClassFixture<TransparentMesh>
{
    [Fact(Timeout = 120_000)]
    public async Task Unmodified_programs_reach_every_protocol_by_name_and_nothing_of_it_can_be_read_on_the_wire()
    {
        await mesh.StartAsync();
        await mesh.MtlsAsync("Strict");
        var (answers, wire) = await mesh.CallByNameAsync();

        answers.ShouldAllBe(a => a.IsServed);
        answers.Where(a => a.Protocol.Service == "web").ShouldAllBe(a => a.Out.Contains("URI=spiffe://weft.local/ns/default/sa/client", StringComparison.Ordinal));
        await ShownByStatAsync();

        answers.ShouldAllBe(a => !wire.Shows(a.Text));
        var records = await wire.TlsRecordsAsync();
        foreach (var protocol in ServedProtocol.All)
        {
            foreach (var port in protocol.Ports) records.ShouldContain(string.Create(CultureInfo.InvariantCulture, $" > {mesh.AddressOf(protocol)}.{port.Sidecar}: "));
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task A_bystander_is_refused_in_Strict_and_served_in_Permissive_where_the_wire_shows_what_it_says()
    {
        await mesh.StartAsync();
        await mesh.MtlsAsync("Strict");
        var refused = await mesh.CallFromOutsideAsync("strict", greeting: TimeSpan.FromSeconds(2));
        refused.Answers.ShouldAllBe(a => a.Code != 0 && !a.Out.Contains(a.Text, StringComparison.Ordinal));
        // At once, as soon as it has said something that is not the mesh's TLS.
        refused.Answers.Where(a => !a.Protocol.ServerFirst).ShouldAllBe(a => !a.IsCutShort);

        await mesh.MtlsAsync("Permissive");
        var served = await mesh.CallFromOutsideAsync("permissive");
        served.Answers.ShouldAllBe(a => a.IsServed);
        // The same search that finds nothing between sidecars finds every protocol's text here.
        served.Answers.ShouldAllBe(a => served.Wire.Shows(a.Text));
    }

    /// <summary>A row for each service: requests or connections, none failed, all over mutual TLS. Proxies report every few seconds.</summary>
    private async Task ShownByStatAsync()
    {
        var stat = new JsonObject();
        await Installation.Eventually(async () =>
        {
            stat = JsonNode.Parse(await mesh.WeftAsync("stat", "-o", "json"))!.AsObject();
            return ServedProtocol.All.All(p => Row(stat, p) is { } row && (double)row[p.CountsRequests ? "requestsPerSecond" : "receivedBytesPerSecond"]! > 0);
        }, "every protocol is shown");
        foreach (var protocol in ServedProtocol.All)
        {
            var row = Row(stat, protocol)!;
            ((double)row["mtlsShare"]!).ShouldBe(1, row.ToJsonString());
            if (protocol.CountsRequests) ((double)row["successRate"]!).ShouldBe(1, row.ToJsonString());
            else ((long)row["failures"]!).ShouldBe(0, row.ToJsonString());
        }
    }

    private static JsonNode? Row(JsonObject stat, ServedProtocol protocol) =>
        stat[protocol.CountsRequests ? "edges" : "connections"]!.AsArray().FirstOrDefault(r => (string)r!["from"]! == "default/client" && (string)r["to"]! == $"default/{protocol.Service}");
}
