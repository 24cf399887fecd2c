using System.Buffers;
using System.Diagnostics;
using System.Text;
using Shouldly;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Telemetry.Tests.Metrics;

public sealed class PrometheusTextTests
{
    private const string Labels =
        "direction=\"inbound\",source=\"shop/front\",destination=\"shop/catalog\",destination_version=\"v1\",security=\"mtls\",code=\"200\",fault=\"\"";

    private static string Write(MetricsRegistry registry)
    {
        var output = new ArrayBufferWriter<byte>();
        PrometheusText.Write(registry, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static MetricsRegistry Sample(string source = "shop/front")
    {
        var registry = new MetricsRegistry(new ManualTime());
        var shard = registry.CreateShard();
        var edge = shard.For(new EdgeKey(Direction.Inbound, source, "shop/catalog", "v1", ChannelSecurity.Mtls));
        foreach (var micros in new[] { 10L, 64, 65, 1024, 1025, 100_000_000 }) edge.Record(200, Fault.None, micros);
        edge.Record(503, Fault.NoEndpoint, 3);
        var bytes = shard.Connections(new EdgeKey(Direction.Outbound, source, "shop/db", "", ChannelSecurity.None));
        for (var i = 0; i < 4; i++) bytes.Opened();
        bytes.Moved(received: 11, sent: 222);
        bytes.Closed(new ConnectionRecord { TotalMicros = 1024 });
        bytes.Closed(new ConnectionRecord { TotalMicros = 1_000_000, Fault = Fault.UpstreamReset });
        bytes.Closed(new ConnectionRecord { TotalMicros = 1_000_000, Fault = Fault.Draining });
        var configuration = new ConfigurationMetrics(registry, () => true, () => null, () => 0);
        configuration.Accepted("cluster");
        configuration.Rejected("cluster");
        return registry;
    }

    [Fact]
    public void Counts_buckets_and_sum_are_exact()
    {
        var lines = Write(Sample()).Split('\n');
        lines.ShouldContain($"weft_requests_total{{{Labels}}} 6");
        lines.ShouldContain($"weft_request_duration_milliseconds_bucket{{{Labels},le=\"0.064\"}} 2");
        lines.ShouldContain($"weft_request_duration_milliseconds_bucket{{{Labels},le=\"0.128\"}} 3");
        lines.ShouldContain($"weft_request_duration_milliseconds_bucket{{{Labels},le=\"1.024\"}} 4");
        lines.ShouldContain($"weft_request_duration_milliseconds_bucket{{{Labels},le=\"67108.864\"}} 5");
        lines.ShouldContain($"weft_request_duration_milliseconds_bucket{{{Labels},le=\"+Inf\"}} 6");
        lines.ShouldContain($"weft_request_duration_milliseconds_sum{{{Labels}}} 100002.188");
        lines.ShouldContain($"weft_request_duration_milliseconds_count{{{Labels}}} 6");
        lines.ShouldContain("weft_config_updates_total{type=\"cluster\",result=\"rejected\"} 1");
        lines.ShouldContain("weft_control_plane_connected 1");
        lines.ShouldContain(line => line.StartsWith("weft_requests_total{") && line.Contains("fault=\"no-endpoint\"") && line.EndsWith(" 1"));
    }

    [Fact]
    public void Byte_connections_are_counted_by_edge_and_their_ends_by_fault()
    {
        const string Edge = "direction=\"outbound\",source=\"shop/front\",destination=\"shop/db\",destination_version=\"\",security=\"none\"";
        var lines = Write(Sample()).Split('\n');
        lines.ShouldContain($"weft_tcp_connections_opened_total{{{Edge}}} 4");
        lines.ShouldContain($"weft_tcp_connections_active{{{Edge}}} 1");
        lines.ShouldContain($"weft_tcp_connections_closed_total{{{Edge},fault=\"\"}} 1");
        lines.ShouldContain($"weft_tcp_connections_closed_total{{{Edge},fault=\"upstream-reset\"}} 1");
        lines.ShouldContain($"weft_tcp_connections_closed_by_drain_total{{{Edge}}} 1");
        lines.ShouldContain($"weft_tcp_received_bytes_total{{{Edge}}} 11");
        lines.ShouldContain($"weft_tcp_sent_bytes_total{{{Edge}}} 222");
        lines.ShouldContain($"weft_tcp_connection_duration_milliseconds_bucket{{{Edge},fault=\"\",le=\"1.024\"}} 1");
        lines.ShouldContain($"weft_tcp_connection_duration_milliseconds_sum{{{Edge},fault=\"\"}} 1.024");
        Write(new MetricsRegistry(new ManualTime())).ShouldNotContain("weft_tcp");
    }

    [Fact]
    public void Label_value_cannot_break_out_of_its_quotes()
    {
        Write(Sample("a\"b\\c\nd")).ShouldContain("source=\"a\\\"b\\\\c\\nd\"");
    }

    [Fact]
    public void Each_family_has_one_head_before_its_samples()
    {
        string? family = null;
        var seen = new HashSet<string>();
        foreach (var line in Write(Sample()).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE "))
            {
                family = line.Split(' ')[2];
                seen.Add(family).ShouldBeTrue($"{family} twice");
            }
            else if (!line.StartsWith('#'))
            {
                line.ShouldStartWith(family.ShouldNotBeNull());
            }
        }
    }

    [Fact]
    public async Task Promtool_accepts_every_line()
    {
        var promtool = Tool.Require("promtool", "prometheus");
        using var process = Process.Start(new ProcessStartInfo(promtool, ["check", "metrics"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        await process.StandardInput.WriteAsync(Write(Sample("a\"b\\c\nd")));
        process.StandardInput.Close();
        var complaints = await process.StandardError.ReadToEndAsync() + await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        // Meshes report request durations in milliseconds, and dashboards expect it; promtool's taste for seconds is the one thing waived.
        complaints.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(
            new[] { "weft_request_duration_milliseconds", "weft_tcp_connection_duration_milliseconds" }.Select(name => $"{name} use base unit \"seconds\" instead of \"milliseconds\""));
    }
}
