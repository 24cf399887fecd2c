using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Upstream;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

/// <summary>Engine rule 6 on HTTP/2: once warm, a request allocates nothing on its worker, alone on its connection or among others.</summary>
public sealed class AllocationTests
{
    private const int Warmup = 3_000, Measured = 10_000;
    private const string Route = "\"prefix_rewrite\": \"/v1/\", \"retry_policy\": {\"retry_on\": \"connect-failure,reset\", \"num_retries\": 2}";

    [Theory]
    [InlineData(1, "", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello")]
    [InlineData(20, "", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    [InlineData(5, "some body", "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")]
    public async Task Requests_allocate_nothing_once_warm(int concurrent, string body, string response)
    {
        await using var backend = ScriptedBackend.Answering(response);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll(Route));
        await MeasureAsync(proxy, concurrent, body);
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(20, "")]
    [InlineData(5, "some body")]
    public async Task Requests_from_HTTP2_to_HTTP2_allocate_nothing_once_warm(int concurrent, string body)
    {
        await using var backend = Http2Backend.Answering();
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address], Http2UpstreamTests.Http2Cluster()).Listen(ProxyUnderTest.RouteAll(Route));
        await MeasureAsync(proxy, concurrent, body);
        backend.Connections.ShouldHaveSingleItem();
    }

    private static async Task MeasureAsync(ProxyUnderTest proxy, int concurrent, string body)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(proxy.Address);
        client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        client.Send([0, 0, 0, 4, 0, 0, 0, 0, 0]); // SETTINGS
        client.Send([0, 0, 0, 4, 1, 0, 0, 0, 0]); // its acknowledgement

        var id = 1;
        Exchange(client, ref id, concurrent, body, Warmup);
        var before = await AllocatedAsync(proxy);
        Exchange(client, ref id, concurrent, body, Measured);
        var after = await AllocatedAsync(proxy);

        // The two readings themselves cost a few hundred bytes; one object per request would be hundreds of thousands.
        (after - before).ShouldBeLessThan(Measured, $"{(after - before) / (double)Measured:F2} bytes per request");
        proxy.Faults.ShouldBeEmpty();
    }

    /// <summary>Sends <paramref name="times"/> requests, <paramref name="concurrent"/> at a time, and waits for the answers of each round.</summary>
    private static void Exchange(Socket client, ref int id, int concurrent, string body, int times)
    {
        for (var round = 0; round < times / concurrent; round++)
        {
            var requests = new List<byte>();
            for (var i = 0; i < concurrent; i++, id += 2)
            {
                requests.AddRange(Frame(1, body.Length == 0 ? 5 : 4, id, [0x83, 0x86, .. Literal(4, "/books/1?x=y"), .. Literal(1, "catalog"), .. Literal(58, "a test of allocations")]));
                if (body.Length > 0) requests.AddRange(Frame(0, 1, id, Encoding.ASCII.GetBytes(body)));
            }
            client.Send([.. requests]);
            for (var ended = 0; ended < concurrent;) ended += ReadFrame(client);
        }
        // The connection's window is given back as a whole now and then; the stream's never runs out.
        client.Send(Frame(8, 0, 0, [0, 1, 0, 0]));
    }

    private static byte[] Frame(byte type, int flags, int stream, byte[] payload) =>
        [0, (byte)(payload.Length >> 8), (byte)payload.Length, type, (byte)flags, (byte)(stream >> 24), (byte)(stream >> 16), (byte)(stream >> 8), (byte)stream, .. payload];

    /// <summary>A literal without indexing (RFC 7541 section 6.2.2) whose name is in the static table.</summary>
    private static byte[] Literal(int name, string value) => [.. name < 15 ? [(byte)name] : new byte[] { 15, (byte)(name - 15) }, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    /// <summary>1 when the frame ended a stream.</summary>
    private static int ReadFrame(Socket client)
    {
        Span<byte> header = stackalloc byte[9];
        Fill(client, header);
        var payload = new byte[(int)(BinaryPrimitives.ReadUInt32BigEndian(header) >> 8)];
        Fill(client, payload);
        header[3].ShouldNotBe((byte)7, "GOAWAY");
        header[3].ShouldNotBe((byte)3, "RST_STREAM");
        return header[3] <= 1 && (header[4] & 1) != 0 ? 1 : 0;
    }

    private static void Fill(Socket client, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var read = client.Receive(into);
            read.ShouldBeGreaterThan(0, "the connection ended");
            into = into[read..];
        }
    }

    private static Task<long> AllocatedAsync(ProxyUnderTest proxy)
    {
        var result = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.DataPlane.Workers[0].Post(() => result.SetResult(GC.GetAllocatedBytesForCurrentThread()));
        return result.Task;
    }
}
