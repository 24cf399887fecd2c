using Shouldly;
using Xunit;
using HttpVersion = System.Net.HttpVersion;

namespace Weft.Proxy.Tests.Pipelines;

/// <summary>A defect in one exchange's own step, made by a configuration object that no compiler of ours would make.</summary>
public sealed class ContainmentTests
{
    private const string Routes = """
        {"route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
          {"match": {"prefix": "/damaged"}, "route": {"cluster": "damaged", "timeout": "0s"}},
          {"match": {"prefix": "/"}, "route": {"cluster": "backend", "timeout": "0s"}}]}]}}
        """;

    [Fact]
    public async Task An_exception_in_one_exchange_resets_its_stream_and_no_other_of_the_connection()
    {
        var answering = new TaskCompletionSource();
        await using var backend = Backend(answering);
        await using var proxy = Proxy(backend);
        using var http = new HttpClient(new SocketsHttpHandler { EnableMultipleHttp2Connections = false })
        {
            BaseAddress = new Uri($"http://{proxy.Address}/"), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var slow = await http.GetAsync("slow", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

        var reset = await Should.ThrowAsync<HttpRequestException>(http.GetAsync("damaged", TestContext.Current.CancellationToken));
        reset.InnerException.ShouldBeOfType<HttpProtocolException>("a reset of the stream, not the end of the connection");
        (await http.GetStringAsync("quick", TestContext.Current.CancellationToken)).ShouldBe("ok");
        answering.SetResult();
        (await slow.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe("slow");

        var fault = proxy.Faults.ShouldHaveSingleItem();
        fault.Where.ShouldBe("exchange");
        fault.State.ShouldContain("cluster damaged");
        proxy.State("damaged").Requests.Active.ShouldBe(0, "what the exchange had taken was given back");
    }

    [Fact]
    public async Task An_exception_in_one_exchange_ends_its_HTTP1_connection_and_no_other()
    {
        await using var backend = Backend(new TaskCompletionSource());
        await using var proxy = Proxy(backend);
        using var other = await RawClient.ConnectAsync(proxy.Address);
        for (var i = 0; i < 3; i++)
        {
            using var unlucky = await RawClient.ConnectAsync(proxy.Address);
            await unlucky.SendAsync("GET /damaged HTTP/1.1\r\nHost: a\r\n\r\n");
            (await Should.ThrowAsync<System.Net.Sockets.SocketException>(unlucky.IsEndedAsync())).SocketErrorCode.ShouldBe(System.Net.Sockets.SocketError.ConnectionReset);
            await other.SendAsync("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
            (await other.ReadResponseAsync()).Status.ShouldBe(200);
        }
        proxy.Faults.Count.ShouldBe(3, "each is reported once");
        proxy.State("damaged").Requests.Active.ShouldBe(0);
    }

    private static ProxyUnderTest Proxy(ScriptedBackend backend) =>
        new ProxyUnderTest().Cluster("backend", [backend.Address]).Cluster("damaged", [backend.Address]).Damage("damaged").Listen(Routes);

    private static ScriptedBackend Backend(TaskCompletionSource answering) => new(async c =>
    {
        while (await c.ReadRequestAsync() is { } request)
        {
            if (!request.Contains("/slow", StringComparison.Ordinal))
            {
                await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                continue;
            }
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl");
            await answering.Task;
            await c.SendAsync("ow");
        }
    });
}
