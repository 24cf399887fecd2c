using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Opentelemetry.Proto.Collector.Metrics.V1;
using Shouldly;
using Weft.Grpc;
using Weft.Proxy.Reporting;
using Weft.Proxy.Tests.Admin;
using Weft.Telemetry.Metrics;
using Weft.Telemetry.Otlp;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Proxy.Tests.Reporting;

public sealed class MetricsPusherTests
{
    private static readonly MetricsPushSettings Quick = new() { FirstAfter = TimeSpan.Zero, Interval = TimeSpan.FromMilliseconds(100), Timeout = TimeSpan.FromMilliseconds(500) };

    private readonly MetricsRegistry _registry = new(TimeProvider.System);
    private readonly List<string> _warnings = [];

    [Fact]
    public async Task What_was_counted_arrives_under_the_proxys_name()
    {
        Count(3);
        await using var collector = await Collector.StartAsync();
        using var invoker = GrpcTransport.CreateInvoker();
        await using var pusher = Start(invoker, collector.Address, Quick);
        await Eventually.TrueAsync(() => Task.FromResult(collector.Received.Count >= 2));
        var push = OtlpMetricsReader.Read(collector.Received[0]).ShouldHaveSingleItem();
        push.Source.ShouldBe(new MetricsSource("checkout", "shop", "checkout-1.shop"));
        push.Series.ShouldHaveSingleItem().Counts.Count.ShouldBe(3);
        pusher.LastFailure.ShouldBeNull();
        _warnings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_control_plane_that_was_away_misses_nothing_and_is_warned_about_once()
    {
        Count(1);
        await using var collector = await Collector.StartAsync();
        collector.Fails = true;
        using var invoker = GrpcTransport.CreateInvoker();
        await using var pusher = Start(invoker, collector.Address, Quick);
        await Eventually.TrueAsync(() => Task.FromResult(Value("weft_metrics_push_failures_total") >= 3));
        pusher.LastFailure.ShouldNotBeNull().ShouldContain("on purpose");
        _warnings.ShouldHaveSingleItem();
        collector.Received.ShouldBeEmpty();

        Count(1);
        collector.Fails = false;
        await Eventually.TrueAsync(() => Task.FromResult(Value("weft_metrics_pushes_total") >= 1));
        OtlpMetricsReader.Read(collector.Received[0]).Single().Series.Single().Counts.Count.ShouldBe(2);
        pusher.LastFailure.ShouldBeNull();
    }

    [Fact]
    public async Task Nothing_listens_is_a_failure_like_any_other()
    {
        using var invoker = GrpcTransport.CreateInvoker();
        await using var pusher = Start(invoker, new Uri("http://127.0.0.1:1"), Quick);
        await Eventually.TrueAsync(() => Task.FromResult(Value("weft_metrics_push_failures_total") >= 2));
        pusher.LastFailure.ShouldNotBeNull().ShouldContain("127.0.0.1:1");
    }

    [Fact]
    public async Task A_control_plane_that_hangs_costs_one_push_at_a_time()
    {
        await using var collector = await Collector.StartAsync();
        collector.Hangs = true;
        var counting = new CountingHandler();
        using var invoker = new HttpMessageInvoker(counting);
        await using (Start(invoker, collector.Address, Quick with { LastTimeout = TimeSpan.FromMilliseconds(200) }))
        {
            await Task.Delay(1200);
            counting.MostAtOnce.ShouldBe(1);
            Value("weft_metrics_push_failures_total").ShouldBeInRange(1, 3);
        }
    }

    [Fact]
    public async Task The_end_pushes_what_the_last_interval_counted()
    {
        await using var collector = await Collector.StartAsync();
        using var invoker = GrpcTransport.CreateInvoker();
        var pusher = Start(invoker, collector.Address, Quick with { Interval = TimeSpan.FromMinutes(5) });
        await Eventually.TrueAsync(() => Task.FromResult(collector.Received.Count == 1));
        Count(7);
        await pusher.DisposeAsync();
        OtlpMetricsReader.Read(collector.Received[1]).Single().Series.Single().Counts.Count.ShouldBe(7);
    }

    [Fact]
    public async Task The_end_does_not_wait_for_a_control_plane_that_hangs()
    {
        await using var collector = await Collector.StartAsync();
        collector.Hangs = true;
        using var invoker = GrpcTransport.CreateInvoker();
        var pusher = Start(invoker, collector.Address, Quick with { Timeout = TimeSpan.FromMinutes(1), LastTimeout = TimeSpan.FromMilliseconds(300) });
        await Eventually.TrueAsync(() => Task.FromResult(collector.Asked));
        await pusher.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(3));
    }

    private MetricsPusher Start(HttpMessageInvoker invoker, Uri address, MetricsPushSettings settings) =>
        new(_registry, new MetricsSource("checkout", "shop", "checkout-1.shop"), invoker, address, settings, TimeProvider.System, _warnings.Add);

    private double Value(string name) => _registry.Instruments.Single(i => i.Name == name).Read();

    private void Count(int requests)
    {
        var series = _registry.CreateShard().For(new EdgeKey(Direction.Outbound, "shop/checkout", "shop/catalog", "v1", ChannelSecurity.Mtls));
        for (var i = 0; i < requests; i++) series.Record(200, Fault.None, 1000);
    }

    /// <summary>An OTLP collector: Kestrel and five bytes of framing, so that nothing of ours judges itself.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private Collector(WebApplication app) => _app = app;

        public List<ExportMetricsServiceRequest> Received { get; } = [];

        public bool Fails { get; set; }

        public bool Hangs { get; set; }

        public bool Asked { get; private set; }

        public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            var collector = new Collector(builder.Build());
            collector._app.Run(collector.ServeAsync);
            await collector._app.StartAsync();
            return collector;
        }

        public async ValueTask DisposeAsync()
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
            await _app.StopAsync(soon.Token);
            await _app.DisposeAsync();
        }

        private async Task ServeAsync(HttpContext context)
        {
            context.Request.Path.Value.ShouldBe("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
            context.Response.ContentType = "application/grpc";
            Asked = true;
            if (Hangs) await Task.Delay(Timeout.Infinite, context.RequestAborted);
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            if (Fails)
            {
                context.Response.Headers["grpc-status"] = "14";
                context.Response.Headers["grpc-message"] = "on purpose";
                return;
            }
            Received.Add(ExportMetricsServiceRequest.Parser.ParseFrom(body.ToArray().AsSpan(5)));
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
        }
    }

    /// <summary>Counts on the pusher's side: a server hears of a call that was given up only later.</summary>
    private sealed class CountingHandler() : DelegatingHandler(GrpcTransport.Configure(new SocketsHttpHandler()))
    {
        private int _now;

        public int MostAtOnce { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
        {
            MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _now));
            try
            {
                return await base.SendAsync(request, cancellation);
            }
            finally
            {
                Interlocked.Decrement(ref _now);
            }
        }
    }
}
