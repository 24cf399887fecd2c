using Shouldly;
using Weft.Control.Insights;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Outcomes;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Insights;

public sealed class TrafficWindowTests
{
    private const string Storefront = "default/storefront";
    private const string Catalog = "default/catalog";
    private readonly ManualTime _time = new();
    private readonly TrafficWindow _window;
    private readonly TellingProxy _storefront;
    private readonly TellingProxy _catalog;

    public TrafficWindowTests()
    {
        _window = new TrafficWindow(_time);
        _storefront = new TellingProxy(_time, "storefront-1.default");
        _catalog = new TellingProxy(_time, "catalog-1.default");
    }

    [Fact]
    public void Edge_has_counts_from_the_caller_and_mtls_from_the_called()
    {
        PushBoth();
        for (var i = 0; i < 90; i++) Call(ChannelSecurity.Mtls, 200, millis: 10);
        // Ten that never arrived: only the caller knows of them.
        for (var i = 0; i < 10; i++) _storefront.Record(Direction.Outbound, Storefront, Catalog, ChannelSecurity.None, 502, Fault.ConnectFailure, 1);
        _time.Advance(TimeSpan.FromSeconds(10));
        PushBoth();
        var edge = _window.Report().Edges.ShouldHaveSingleItem();
        (edge.From, edge.To).ShouldBe((Storefront, Catalog));
        edge.Numbers.RequestsPerSecond.ShouldBe(10, tolerance: 0.01);
        edge.Numbers.SuccessRate.ShouldBe(0.9);
        edge.Numbers.MtlsShare.ShouldBe(1, "what arrived came encrypted");
        edge.Numbers.P50Ms.ShouldBe(10, tolerance: 0.5);
        var service = _window.Report().Services.ShouldHaveSingleItem();
        service.Name.ShouldBe(Catalog);
        service.Numbers.SuccessRate.ShouldBe(0.9);
    }

    [Fact]
    public void Plaintext_caller_is_an_edge_of_its_own_and_lowers_the_share()
    {
        PushBoth();
        for (var i = 0; i < 30; i++) Call(ChannelSecurity.Mtls, 200, millis: 5);
        for (var i = 0; i < 10; i++) _catalog.Record(Direction.Inbound, Vocabulary.Unknown, Catalog, ChannelSecurity.None, 200, Fault.None, 5);
        _time.Advance(TimeSpan.FromSeconds(10));
        PushBoth();
        var report = _window.Report();
        report.Edges.Single(e => e.From == Vocabulary.Unknown).Numbers.MtlsShare.ShouldBe(0);
        var service = report.Services.ShouldHaveSingleItem();
        service.Numbers.MtlsShare.ShouldBe(0.75);
        service.Numbers.RequestsPerSecond.ShouldBe(4, tolerance: 0.01);
    }

    [Fact]
    public void Percentiles_come_from_merged_histograms_and_not_from_averages()
    {
        var second = new TellingProxy(_time, "storefront-2.default");
        PushBoth();
        _window.Add(second.Push());
        for (var i = 0; i < 98; i++) _storefront.Record(Direction.Outbound, Storefront, Catalog, ChannelSecurity.Mtls, 200, Fault.None, 1);
        for (var i = 0; i < 2; i++) second.Record(Direction.Outbound, Storefront, Catalog, ChannelSecurity.Mtls, 200, Fault.None, 1000);
        _time.Advance(TimeSpan.FromSeconds(1));
        PushBoth();
        _window.Add(second.Push());
        var numbers = _window.Report().Edges.ShouldHaveSingleItem().Numbers;
        numbers.P50Ms.ShouldBe(1, tolerance: 0.1);
        numbers.P95Ms.ShouldBe(1, tolerance: 0.1);
        numbers.P99Ms.ShouldBe(1000, tolerance: 50);
    }

    [Fact]
    public void Window_forgets_at_its_width_and_not_before()
    {
        PushBoth();
        Call(ChannelSecurity.Mtls, 200, millis: 5);
        _time.Advance(TimeSpan.FromSeconds(1));
        PushBoth();
        _time.Advance(TimeSpan.FromSeconds(30) - TimeSpan.FromTicks(1));
        _window.Report().Edges.Count.ShouldBe(1);
        _time.Advance(TimeSpan.FromTicks(1));
        _window.Report().Edges.ShouldBeEmpty();
    }

    [Fact]
    public void Intervals_are_bounded()
    {
        var window = new TrafficWindow(_time, new TrafficOptions { MaxIntervals = 10 });
        window.Add(_storefront.Push());
        for (var i = 0; i < 50; i++)
        {
            _storefront.Record(Direction.Outbound, Storefront, $"default/s{i}", ChannelSecurity.Mtls, 200, Fault.None, 5);
            _time.Advance(TimeSpan.FromMilliseconds(10));
            window.Add(_storefront.Push());
        }
        window.Report().Edges.Count.ShouldBe(10);
    }

    private void Call(ChannelSecurity security, int status, int millis)
    {
        _storefront.Record(Direction.Outbound, Storefront, Catalog, security, status, Fault.None, millis);
        _catalog.Record(Direction.Inbound, Storefront, Catalog, security, status, Fault.None, millis);
    }

    private void PushBoth()
    {
        _window.Add(_storefront.Push());
        _window.Add(_catalog.Push());
    }
}
