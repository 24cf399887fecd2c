using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Xunit;

namespace Weft.Proxy.Tests.Mesh;

/// <summary>Engine rule 6 on the way that requests of a mesh go: HTTP/1 to the proxy, HTTP/2 over mutual TLS, HTTP/1 to the application.</summary>
public sealed class AllocationTests
{
    private const int Warmup = 3_000, Measured = 5_000;

    [Theory]
    [InlineData("GET /books/1?x=y HTTP/1.1\r\nHost: catalog\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData("POST / HTTP/1.1\r\nHost: catalog\r\nDNT: 1\r\nsec-ch-ua: x\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 404 Nothing Here\r\nETag: x\r\nContent-Length: 5\r\n\r\nhello")]
    public async Task Requests_through_two_proxies_allocate_nothing_once_warm(string request, string response)
    {
        await using var application = ScriptedBackend.Answering(response);
        await using var pair = MeshPair.Start(new MeshPairOptions { Action = "\"timeout\": \"60s\"" }, application.Address);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(pair.Caller);
        var bytes = Encoding.Latin1.GetBytes(request);

        Exchange(client, bytes, Warmup);
        var before = await pair.AllocatedAsync();
        Exchange(client, bytes, Measured);
        var after = await pair.AllocatedAsync();

        // The readings themselves cost a few hundred bytes; one object per request would be hundreds of thousands.
        (after - before).ShouldBeLessThan(Measured, $"{(after - before) / (double)Measured:F2} bytes per request");
    }

    private static void Exchange(Socket client, byte[] request, int times)
    {
        var block = new byte[4096];
        for (var i = 0; i < times; i++)
        {
            client.Send(request);
            var length = 0;
            do length += client.Receive(block, length, block.Length - length, SocketFlags.None);
            while (!block.AsSpan(0, length).EndsWith("hello"u8));
        }
    }
}
