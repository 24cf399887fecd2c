using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Hosting;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Overload;

/// <summary>The memory of the real process while bytes wait for somebody who does not take them.</summary>
public sealed class BackpressureTests
{
    private const long LimitMegabytes = 200;

    [Fact]
    public async Task Two_hundred_large_bodies_for_a_workload_that_does_not_read_stay_with_their_senders()
    {
        var released = new TaskCompletionSource();
        await using var backend = new ScriptedBackend(async c =>
        {
            var head = await c.ReadHeadAsync();
            if (head is null) return;
            if (head.StartsWith("POST", StringComparison.Ordinal)) await released.Task;
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        });
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain(backend.Address.Port).Replace("max_connections: 7", "max_connections: 1000"), "--memory-limit-mb", $"{LimitMegabytes}", "--warmup-seconds", "0");
        var address = await proxy.ListenerAsync("in");
        var block = new byte[256 * 1024];
        var senders = new List<Socket>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var sender = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { SendBufferSize = 64 * 1024 };
                await sender.ConnectAsync(address, TestContext.Current.CancellationToken);
                await sender.SendAsync(Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"), TestContext.Current.CancellationToken);
                sender.Blocking = false;
                senders.Add(sender);
            }
            var taken = 0L;
            for (var round = 0; round < 20; round++)
            {
                foreach (var sender in senders)
                {
                    taken += Math.Max(0, sender.Send(block, 0, block.Length, SocketFlags.None, out _));
                }
                await Task.Delay(50, TestContext.Current.CancellationToken);
            }
            var resident = Resident(proxy);
            TestContext.Current.TestOutputHelper?.WriteLine($"{taken >> 20} MB were taken of the senders by buffers of all kinds, {resident} MB are resident");
            resident.ShouldBeLessThan(LimitMegabytes);
            proxy.Process.HasExited.ShouldBeFalse(proxy.Log);

            using var other = await RawClient.ConnectAsync(address);
            await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            (await other.ReadResponseAsync()).Status.ShouldBe(200);
        }
        finally
        {
            released.SetResult();
            foreach (var sender in senders) sender.Dispose();
        }
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_gigabyte_for_a_client_that_reads_slowly_stays_with_its_workload(string version)
    {
        const long Gigabyte = 1L << 30;
        await using var backend = new ScriptedBackend(async c =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {Gigabyte}\r\n\r\n");
            var block = new byte[1 << 20];
            for (var sent = 0L; sent < Gigabyte; sent += block.Length) await c.Socket.SendAsync(block, SocketFlags.None);
        });
        using var proxy = await RunningProxy.StartAsync(Bootstraps.Plain(backend.Address.Port), "--warmup-seconds", "0");
        var address = await proxy.ListenerAsync("in");
        using var http = new HttpClient { DefaultRequestVersion = Version.Parse(version), DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var response = await http.GetAsync(new Uri($"http://{address}/"), HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        response.Version.ShouldBe(Version.Parse(version));
        await using var body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        var before = Resident(proxy);
        var buffer = new byte[64 * 1024];
        var most = before;
        for (var i = 0; i < 150; i++)
        {
            (await body.ReadAsync(buffer, TestContext.Current.CancellationToken)).ShouldBeGreaterThan(0);
            await Task.Delay(20, TestContext.Current.CancellationToken);
            most = Math.Max(most, Resident(proxy));
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{before} MB before, at most {most} MB while it was read slowly");
        (most - before).ShouldBeLessThan(24);
    }

    private static long Resident(RunningProxy proxy)
    {
        proxy.Process.Refresh();
        return proxy.Process.WorkingSet64 >> 20;
    }
}
