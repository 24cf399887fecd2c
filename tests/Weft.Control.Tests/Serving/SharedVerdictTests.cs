using Envoy.Config.Route.V3;
using Shouldly;
using Weft.Control.Insights;
using Weft.Grpc;
using Weft.Routing.Compile;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Serving;

/// <summary>What one proxy reports of a port that declares nothing, and what others are told of it.</summary>
public sealed class SharedVerdictTests : IAsyncLifetime
{
    private const string Undeclared = """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {ports: [{port: 7000, name: main}, {port: 7001, name: http}], selector: {app: web} }
        """;

    private readonly TestControl _control = new();

    public async ValueTask InitializeAsync()
    {
        await _control.InitializeAsync();
        await _control.ApplyAsync(Undeclared);
    }

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    [Fact]
    public async Task Others_are_told_that_clients_speak_http_once_and_not_any_more_when_that_is_contradicted()
    {
        await using var reporter = await TestProxy.JoinAsync(_control, "reporter");
        await using var other = await TestProxy.JoinAsync(_control, "other", features: "weft.v1.bytes");
        await using var older = await TestProxy.JoinAsync(_control, "older");
        await other.OpenAsync("web.default:7000", "web.default:7001");
        await older.OpenAsync("web.default:7000");
        var before = await other.WaitForAsync(XdsType.Route, "web.default:7000");
        Hint(before).ShouldBeFalse();
        await older.WaitForAsync(XdsType.Route, "web.default:7000");

        await ReportAsync(reporter, ("tcp:web.default:7000", true), ("tcp:web.default:7001", true), ("tcp:nobody.default:1", true), ("inbound:80", true), ("tcp:web.default:7000/../x", true));
        var told = await other.WaitForAsync(XdsType.Route, "web.default:7000", otherThan: before.Version);
        Hint(told).ShouldBeTrue();

        var received = other.Received;
        for (var i = 0; i < 3; i++) await ReportAsync(reporter, ("tcp:web.default:7000", true));
        await _control.ApplyAsync(Undeclared.Replace("name: web}", "name: later}")); // what comes after the repetitions has been through the same loop
        await other.AskAsync(XdsType.Route, "later.default:7000");
        await other.WaitForAsync(XdsType.Route, "later.default:7000");
        other.Received.ShouldBe(received + 1);

        await ReportAsync(reporter, ("tcp:web.default:7000", false));
        Hint(await other.WaitForAsync(XdsType.Route, "web.default:7000", otherThan: told.Version)).ShouldBeFalse();
        Hint(other.Held[(XdsType.Route, "web.default:7001")]).ShouldBeFalse("a port that declares what it carries is not found out");
        Hint(older.Held[(XdsType.Route, "web.default:7000")]).ShouldBeFalse("it announced nothing that could understand it");
    }

    [Fact]
    public async Task Nobody_reports_in_the_name_of_another_namespace()
    {
        await using var reporter = await TestProxy.JoinAsync(_control, "reporter");
        var refused = await Should.ThrowAsync<GrpcException>(() => ReportAsync(reporter, "web-1.other", ("tcp:web.default:7000", true)));
        refused.Status.Code.ShouldBe(GrpcStatusCode.PermissionDenied);
    }

    private static bool Hint(XdsResource route) => RouteCompiler.Compile(RouteConfiguration.Parser.ParseFrom(route.Body)).Value!.ClientsSpeakHttp;

    private static Task ReportAsync(TestProxy proxy, params (string Destination, bool Http)[] verdicts) => ReportAsync(proxy, "reporter.default", verdicts);

    private static Task ReportAsync(TestProxy proxy, string node, params (string Destination, bool Http)[] verdicts)
    {
        var registry = new MetricsRegistry(TimeProvider.System) { Verdicts = () => [.. verdicts.Select(v => new DestinationVerdict(v.Destination, v.Http))] };
        return proxy.Grpc.UnaryAsync(MetricsService.Export, OtlpMetricsWriter.Build(registry, new MetricsSource("reporter", "default", node), DateTimeOffset.UtcNow));
    }
}
