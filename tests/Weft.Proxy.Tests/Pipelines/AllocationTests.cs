using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Upstream;
using Xunit;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>Engine rule 6: once warm, a request allocates nothing on its worker, whatever its shape.</summary>
public sealed class AllocationTests
{
    private const int Warmup = 2_000, Measured = 10_000;
    private const string Route = "\"prefix_rewrite\": \"/v1/\", \"retry_policy\": {\"retry_on\": \"connect-failure,reset\", \"num_retries\": 2}";

    [Theory]
    [InlineData("GET /books/1?x=y HTTP/1.1\r\nHost: catalog\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello")]
    [InlineData("POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("GET /a/../b//c HTTP/1.1\r\nHost: catalog\r\nx-request-id: 0123456789\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n")]
    public async Task Requests_allocate_nothing_once_warm(string request, string response)
    {
        await using var backend = ScriptedBackend.Answering(response);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(Route));
        await MeasureAsync(proxy, request);
    }

    [Theory]
    [InlineData("GET /books/1?x=y HTTP/1.1\r\nHost: catalog\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n")]
    [InlineData("POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody")]
    [InlineData("POST /orders HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n")]
    public async Task Requests_to_an_HTTP2_endpoint_allocate_nothing_once_warm(string request)
    {
        await using var backend = Http2Backend.Answering();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], Http2UpstreamTests.Http2Cluster()).Listen(ProxyUnderTest.RouteAll(Route));
        await MeasureAsync(proxy, request);
        backend.Connections.ShouldHaveSingleItem();
    }

    private static async Task MeasureAsync(ProxyUnderTest proxy, string request)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(proxy.Address);
        var bytes = Encoding.Latin1.GetBytes(request);

        Exchange(client, bytes, Warmup);
        var before = await AllocatedAsync(proxy);
        Exchange(client, bytes, Measured);
        var after = await AllocatedAsync(proxy);

        // The two readings themselves cost a few hundred bytes; one object per request would be hundreds of thousands.
        (after - before).ShouldBeLessThan(Measured, $"{(after - before) / (double)Measured:F2} bytes per request");
        proxy.Faults.ShouldBeEmpty();
    }

    private static void Exchange(Socket client, byte[] request, int times)
    {
        var block = new byte[4096];
        for (var i = 0; i < times; i++)
        {
            client.Send(request);
            var length = 0;
            do length += client.Receive(block, length, block.Length - length, SocketFlags.None);
            while (!IsWhole(block.AsSpan(0, length)));
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> bytes)
    {
        var head = bytes.IndexOf("\r\n\r\n"u8);
        if (head < 0) return false;
        return bytes.StartsWith("HTTP/1.1 204"u8) || bytes.EndsWith("hello"u8) || bytes.EndsWith("0\r\n\r\n"u8);
    }

    private static Task<long> AllocatedAsync(ProxyUnderTest proxy)
    {
        var result = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.DataPlane.Workers[0].Post(() => result.SetResult(GC.GetAllocatedBytesForCurrentThread()));
        return result.Task;
    }
}
