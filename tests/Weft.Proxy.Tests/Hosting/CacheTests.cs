using System.Diagnostics;
using System.Net;
using Shouldly;
using Weft.Proxy.Tests.Configuration;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Hosting;

/// <summary>The real process, killed and started again while its management server is away.</summary>
public sealed class CacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-cache-").FullName;
    private readonly int _xds = Ports.Free();

    private string Cache => Path.Combine(_folder, "cache");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_proxy_that_was_killed_serves_from_its_disk_says_so_and_recovers_without_dropping_a_connection()
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using (await ServeAsync(1, backend, "/"))
        {
            using var first = await RunningProxy.StartAsync(Bootstrap(), "--cache", Cache);
            (await first.GetAsync("ready")).ShouldBe("LIVE\n");
            await first.UntilAsync(() => Task.FromResult(File.Exists(Path.Combine(Cache, "config.cache"))));
            first.Process.Kill();
        }

        var watch = Stopwatch.StartNew();
        using var proxy = await RunningProxy.StartAsync(Bootstrap(), "--cache", Cache);
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
        using var client = await RawClient.ConnectAsync(await proxy.ListenerAsync("in"));
        await AssertAnswersAsync(client, "/a", 200);
        await AssertAnswersAsync(client, "/b", 200);

        (await proxy.GetAsync("ready")).ShouldMatch("^LIVE\nstale: true\nage: \\d+s\nmanagement server: .+\n$");
        var info = await proxy.GetAsync("server_info");
        info.ShouldContain("\"stale\": true");
        info.ShouldContain("\"stale_age\": \"");
        (await proxy.MetricAsync("weft_config_stale")).ShouldBe(1);
        (await proxy.MetricAsync("weft_control_plane_connected")).ShouldBe(0);
        await proxy.UntilAsync(() => Task.FromResult(proxy.Log.Contains(": stale")));

        await using (await ServeAsync(2, backend, "/a"))
        {
            await proxy.UntilAsync(async () => await proxy.GetAsync("ready") == "LIVE\n");
            (await proxy.MetricAsync("weft_config_stale")).ShouldBe(0);
            await proxy.UntilAsync(() => Task.FromResult(proxy.Log.Contains("no longer stale")));
            await AssertAnswersAsync(client, "/a", 200);
            await AssertAnswersAsync(client, "/b", 404); // on the connection of before: the new routes hold for it too
        }
    }

    [Fact]
    public async Task A_torn_file_is_named_and_ignored_and_the_proxy_waits_for_its_server()
    {
        Directory.CreateDirectory(Cache, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var file = Path.Combine(Cache, "config.cache");
        await File.WriteAllBytesAsync(file, "weft-config-cache\n\u0001\0\0\0and then the power failed"u8.ToArray(), TestContext.Current.CancellationToken);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        using var proxy = RunningProxy.Start(Bootstrap(), "--cache", Cache);
        await proxy.UntilAsync(() => Task.FromResult(proxy.Log.Contains("is torn or damaged")));
        proxy.Log.ShouldContain(file);

        await using (await ServeAsync(1, backend, "/"))
        {
            await proxy.UntilAsync(async () => await proxy.GetAsync("ready") == "LIVE\n");
            await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_config_cache_writes_total") > 0); // and a good one takes its place
        }
    }

    [Fact]
    public async Task A_full_disk_costs_a_line_in_the_log_and_nothing_else()
    {
        Directory.CreateDirectory(Cache);
        var mount = Tool.Require("mount", "mount");
        using (var mounting = Process.Start(mount, ["-t", "tmpfs", "-o", "size=4k,mode=700", "tmpfs", Cache]))
        {
            await mounting.WaitForExitAsync(TestContext.Current.CancellationToken);
            if (mounting.ExitCode != 0) Assert.Skip("only root can mount a small disk");
        }
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(Cache, "other"), new byte[4096], TestContext.Current.CancellationToken);
            await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            await using var server = await ServeAsync(1, backend, "/");
            using var proxy = await RunningProxy.StartAsync(Bootstrap(), "--cache", Cache);
            await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_config_cache_write_failures_total") > 0);
            await proxy.UntilAsync(() => Task.FromResult(proxy.Log.Contains("could not be saved")));
            using var client = await RawClient.ConnectAsync(await proxy.ListenerAsync("in"));
            await AssertAnswersAsync(client, "/", 200);
        }
        finally
        {
            await Admin.Command.RunAsync(Tool.Require("umount", "mount"), Cache);
        }
    }

    private static async Task AssertAnswersAsync(RawClient client, string path, int status)
    {
        await client.SendAsync($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Status.ShouldBe(status);
    }

    private Task<AdsServer> ServeAsync(long revision, ScriptedBackend backend, string prefix) => AdsServer.StartAsync(_xds, new FixedSnapshot(
        revision, ManagementServer.Listener("in", "r"), ManagementServer.Routes("r", (prefix, "a")), ManagementServer.Cluster("a"), Endpoints(backend.Address)));

    private static (XdsType, string, Google.Protobuf.IMessage) Endpoints(IPEndPoint backend)
    {
        var assignment = (Envoy.Config.Endpoint.V3.ClusterLoadAssignment)ManagementServer.Endpoints("a", backend.Address.ToString()).Item3;
        assignment.Endpoints[0].LbEndpoints[0].Endpoint.Address.SocketAddress.PortValue = (uint)backend.Port;
        return (XdsType.Endpoint, "a", assignment);
    }

    private string Bootstrap() => $$"""
        node: { id: test, metadata: { weft.dev: { service: shop } } }
        dynamic_resources:
          lds_config: { ads: {} }
          ads_config: { api_type: DELTA_GRPC, grpc_services: [ { envoy_grpc: { cluster_name: xds } } ] }
        static_resources:
          clusters:
          - { name: xds, load_assignment: { cluster_name: xds, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{_xds}} } } } } ] } ] } }
        """;
}
