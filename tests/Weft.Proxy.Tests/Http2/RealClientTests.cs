using System.Globalization;
using System.Text;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

/// <summary>Clients that others wrote (libcurl, nghttp2) speak HTTP/2 with the proxy, which speaks HTTP/1 with the backend.</summary>
public sealed class RealClientTests
{
    private const string Hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello";

    [Fact]
    public async Task Curl_with_prior_knowledge_gets_its_answer_over_http2()
    {
        await using var backend = ScriptedBackend.Answering(Hello);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());

        var output = await Command.RunAsync("curl", "-sS", "--http2-prior-knowledge", "-H", "Cookie: a=1", "-H", "X-Case: y", "-w", "|%{http_version}|%{http_code}", $"http://{proxy.Address}/books/../1?x=y");

        output.ShouldBe("hello|2|200");
        var request = backend.Requests.ShouldHaveSingleItem();
        request.ShouldStartWith("GET /1?x=y HTTP/1.1\r\n");
        request.ShouldContain($"Host: {proxy.Address}\r\n");
        request.ShouldContain("cookie: a=1\r\n");
        request.ShouldContain("x-case: y\r\n");
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Curl_without_prior_knowledge_is_served_http1_on_the_same_listener()
    {
        await using var backend = ScriptedBackend.Answering(Hello);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());

        // The switch by Upgrade: h2c that curl offers was taken out of HTTP/2 (RFC 9113 section 3.1); its answer is an ordinary one.
        (await Command.RunAsync("curl", "-sS", "--http2", "-w", "|%{http_version}", $"http://{proxy.Address}/")).ShouldBe("hello|1.1");
    }

    [Theory]
    [InlineData("--http2", "2")]
    [InlineData("--http1.1", "1.1")]
    [InlineData("--no-alpn", "1.1")]
    public async Task Over_tls_the_protocol_is_what_alpn_agrees_on(string option, string version)
    {
        await using var backend = ScriptedBackend.Answering(Hello);
        var tls = new ServerTls(new ServerTlsSettings { Certificate = new TestAuthority().Issue("server").Load(), Alpn = ["h2", "http/1.1"] }, TimeProvider.System);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).ListenTls(ProxyUnderTest.RouteAll(), tls);

        (await Command.RunAsync("curl", "-sSk", option, "-w", "|%{http_version}", $"https://{proxy.Address}/")).ShouldBe("hello|" + version);
        (await Command.RunAsync("curl", "-sSk", option, "-w", "|%{http_version}|%{num_connects}", $"https://{proxy.Address}/1", $"https://{proxy.Address}/2")).ShouldBe($"hello|{version}|1hello|{version}|0");
        proxy.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(3_000_000)]
    public async Task An_upload_and_its_echo_arrive_whole(int bytes)
    {
        var body = string.Concat(Enumerable.Range(0, bytes / 10).Select(i => i.ToString("D9", CultureInfo.InvariantCulture) + "\n"));
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, body, TestContext.Current.CancellationToken);
        await using var backend = new ScriptedBackend(async c =>
        {
            while (await c.ReadRequestAsync() is { } request)
            {
                var text = request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
                await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
            }
        });
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());
        try
        {
            (await Command.RunAsync("curl", "-sS", "--http2-prior-knowledge", "--data-binary", "@" + file, $"http://{proxy.Address}/")).ShouldBe(body);
            (await Command.RunAsync("nghttp", "-d", file, $"http://{proxy.Address}/")).ShouldBe(body);
        }
        finally
        {
            File.Delete(file);
        }
        proxy.Faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task Ten_thousand_requests_on_ten_connections_all_succeed()
    {
        await using var backend = ScriptedBackend.Answering(Hello);
        await using var proxy = new ProxyUnderTest().Cluster("backend", [backend.Address]).Listen(ProxyUnderTest.RouteAll());

        var output = await Command.RunAsync("h2load", "-n", "10000", "-c", "10", "-m", "20", $"http://{proxy.Address}/x");

        output.ShouldContain("10000 succeeded, 0 failed, 0 errored, 0 timeout");
        output.ShouldContain("10000 2xx");
        proxy.Faults.ShouldBeEmpty();
    }
}
