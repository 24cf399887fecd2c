using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.Scenarios.Mesh;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Soak;

/// <summary>What new connections leave behind in a real weft-proxy: nothing. 300 a second with mutual TLS, each with a full handshake and a request to an application behind it.</summary>
public sealed class MemorySlopeTests
{
    private const int PerSecond = 300;

    // A leaked SSL is 20 KB: half a minute of them would be 150 MB. What a heap that collects settles to moves by a few.
    private const double MostGrowthInShortRun = 12;

    private static readonly bool s_long = Environment.GetEnvironmentVariable("WEFT_LONG") == "1";

    [Fact]
    public async Task Three_hundred_new_mutual_TLS_connections_per_second_leave_no_memory_and_no_descriptor_behind()
    {
        var folder = Directory.CreateTempSubdirectory("weft-soak-").FullName;
        using var certificates = new Certificates(folder);
        await using var application = await Application.StartAsync("soak");
        var port = Ports.Free();
        var bootstrap = Path.Combine(folder, "bootstrap.json");
        await File.WriteAllTextAsync(bootstrap, Bootstrap(port, application.Port, certificates), TestContext.Current.CancellationToken);
        using var proxy = Process.Start(new ProcessStartInfo(
            Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Proxy/release/weft-proxy"), ["--bootstrap", bootstrap, "--drain-seconds", "0"]) { UseShellExecute = false })!;
        try
        {
            var clients = new MutualTlsClients(port, certificates.Client);
            await WaitUntilAcceptingAsync(port);
            await clients.RunAsync(PerSecond, s_long ? TimeSpan.FromMinutes(2) : TimeSpan.FromSeconds(8)); // its code compiled, its pools filled
            var descriptors = await QuietDescriptorsAsync(proxy, atMost: int.MaxValue);

            var length = s_long ? TimeSpan.FromMinutes(15) : TimeSpan.FromSeconds(16);
            var (before, clock) = (clients.Answered, Stopwatch.StartNew());
            var load = clients.RunAsync(PerSecond, length);
            var samples = new List<(double Minutes, double Megabytes)>();
            while (!load.IsCompleted)
            {
                samples.Add((clock.Elapsed.TotalMinutes, ResidentMegabytes(proxy)));
                await Task.WhenAny(load, Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken));
            }
            await load;
            var rate = (clients.Answered - before) / clock.Elapsed.TotalSeconds;
            var left = await QuietDescriptorsAsync(proxy, atMost: descriptors);

            var slope = Slope(samples);
            var growth = samples.TakeLast(3).Average(s => s.Megabytes) - samples.Take(3).Average(s => s.Megabytes);
            Console.WriteLine( // ./test shows it
                $"measured: {rate:0} connections/s for {clock.Elapsed.TotalMinutes:0.0} min: {samples[0].Megabytes:0.0} -> {samples[^1].Megabytes:0.0} MiB, slope {slope:0.00} MiB/min; {descriptors} descriptors before, {left} after");
            clients.FirstFailure.ShouldBeNull();
            left.ShouldBeLessThanOrEqualTo(descriptors);
            if (s_long)
            {
                slope.ShouldBeLessThan(1, $"MiB per minute over {samples.Count} samples");
                rate.ShouldBeGreaterThan(0.9 * PerSecond, "the machine was too slow for what is claimed");
            }
            else growth.ShouldBeLessThan(MostGrowthInShortRun, "MiB");
        }
        finally
        {
            proxy.Kill();
            await proxy.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Least squares, in MiB per minute.</summary>
    private static double Slope(List<(double Minutes, double Megabytes)> samples)
    {
        var (x, y) = (samples.Average(s => s.Minutes), samples.Average(s => s.Megabytes));
        return samples.Sum(s => (s.Minutes - x) * (s.Megabytes - y)) / samples.Sum(s => (s.Minutes - x) * (s.Minutes - x));
    }

    private static double ResidentMegabytes(Process process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }

    /// <summary>Open descriptors once nobody talks to the proxy: when they no longer become fewer, or are few enough.</summary>
    private static async Task<int> QuietDescriptorsAsync(Process process, int atMost)
    {
        int count = int.MaxValue, stable = 0;
        for (var i = 0; i < 80 && stable < 12; i++)
        {
            await Task.Delay(250);
            var now = Directory.GetFiles($"/proc/{process.Id}/fd").Length;
            stable = now < count || now > atMost ? 0 : stable + 1;
            count = now;
        }
        return count;
    }

    private static Task WaitUntilAcceptingAsync(int port) => MeshEndToEndTests.Eventually(async () =>
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
    });

    // Idle connections to the application go after a second, so that the count of descriptors tells of those that were lost.
    private static string Bootstrap(int port, int application, Certificates certificates) => $$$"""
        {"static_resources": {
          "listeners": [{"name": "inbound", "traffic_direction": "INBOUND", "address": {"socket_address": {"address": "127.0.0.1", "port_value": {{{port}}} } },
            "filter_chains": [{
              "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "in",
                "route_config": {"name": "in", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "application"} }]}]},
                "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"} }]} }],
              "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", "require_client_certificate": true,
                "common_tls_context": {"alpn_protocols": ["http/1.1"],
                  "tls_certificates": [{"certificate_chain": {"filename": "{{{certificates.ServerChain}}}"}, "private_key": {"filename": "{{{certificates.ServerKey}}}"} }],
                  "validation_context": {"trusted_ca": {"filename": "{{{certificates.Root}}}"} } } } } }]}],
          "clusters": [{"name": "application", "type": "STATIC", "connect_timeout": "5s",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              "common_http_protocol_options": {"idle_timeout": "1s"}, "explicit_http_config": {"http_protocol_options": {} } } },
            "load_assignment": {"cluster_name": "application",
              "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": {{{application}}} } } } }]}]} }]} }
        """;
}
