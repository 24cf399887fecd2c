using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Hosting;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Overload;

/// <summary>The real process under <c>ulimit -n 512</c>.</summary>
public sealed class DescriptorTests
{
    [Theory]
    [InlineData("")] // the default: as many connections as descriptors allow
    [InlineData("100000")] // a limit that is no limit: the system's own answer is all there is
    public async Task A_thousand_clients_of_512_descriptors_neither_end_nor_heat_the_proxy_and_leave_it_as_it_was(string limit)
    {
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        string[] arguments = limit.Length > 0 ? ["--max-connections", limit] : [];
        using var proxy = await RunningProxy.StartLimitedAsync("ulimit -n 512", Bootstraps.Plain(backend.Address.Port), ["--warmup-seconds", "0", .. arguments]);
        var address = await proxy.ListenerAsync("in");
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(address, TestContext.Current.CancellationToken);
                try
                {
                    await socket.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), TestContext.Current.CancellationToken);
                }
                catch (SocketException e)
                {
                    if (limit.Length == 0) throw new InvalidOperationException($"client {i}: {e.Message}; {proxy.Log}", e);
                    TestContext.Current.TestOutputHelper?.WriteLine($"client {i}: {e.Message}");
                }
                clients.Add(socket);
            }
            await Task.Delay(1000, TestContext.Current.CancellationToken);
            var (before, watch) = (proxy.Process.TotalProcessorTime, Stopwatch.StartNew());
            await Task.Delay(2000, TestContext.Current.CancellationToken);
            proxy.Process.Refresh();
            var share = (proxy.Process.TotalProcessorTime - before) / watch.Elapsed;
            TestContext.Current.TestOutputHelper?.WriteLine($"{share:P1} of a processor while {clients.Count(c => c.Available > 0)} of 1000 have an answer; {proxy.Log}");
            share.ShouldBeLessThan(0.2);
            proxy.Process.HasExited.ShouldBeFalse(proxy.Log);
            if (limit.Length == 0)
            {
                var answers = clients.Where(c => c.Available > 0).Select(ReadStatus).ToList();
                answers.Count(a => a == 200).ShouldBeGreaterThanOrEqualTo(172, "every accepted connection is served");
                answers.ShouldAllBe(a => a == 200 || a == 503);
            }
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }
        var recovering = Stopwatch.StartNew();
        await Eventually.TrueAsync(async () =>
        {
            using var next = await RawClient.ConnectAsync(address);
            await next.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            return (await next.ReadResponseAsync()).Status == 200;
        });
        recovering.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(3));
    }

    private static int ReadStatus(Socket socket)
    {
        var bytes = new byte[1024];
        var count = socket.Receive(bytes);
        return int.Parse(Encoding.ASCII.GetString(bytes, 0, count).Split(' ')[1]);
    }
}
