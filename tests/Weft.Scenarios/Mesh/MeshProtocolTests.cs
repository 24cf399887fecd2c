using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Scenarios.Mesh;

/// <summary>What applications say to each other through two real proxies, and what the proxies say to each other meanwhile.</summary>
public sealed class MeshProtocolTests
{
    [Fact]
    public async Task Curl_over_Http1_and_its_workload_see_each_other_as_if_nobody_were_between()
    {
        var curl = Tool.Require("curl", "curl");
        using var application = new RawApplication("HTTP/1.1 200 Fine, Thanks\r\nTransfer-Encoding: chunked\r\nX-MiXeD: 1\r\nETag: \"e\"\r\nserver: raw\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n");
        await using var mesh = await MeshUnderTest.StartAsync();
        var catalog = await mesh.AddAsync("catalog", application.Port);
        var client = await mesh.AddAsync("storefront", 0);

        for (var i = 0; i < 3; i++)
        {
            var answer = await RunAsync(curl, "-sS", "-i", "--raw", "-x", $"http://127.0.0.1:{client.Outbound}", "-H", "X-ODD: 1", "-H", "lower: 2", "-H", "TE: trailers", "http://catalog/a?b=c");

            answer.ShouldStartWith("HTTP/1.1 200 Fine, Thanks\r\n");
            foreach (var line in new[] { "X-MiXeD: 1", "ETag: \"e\"", "server: raw", "X-Sum: 7" }) answer.ShouldContain($"\r\n{line}\r\n", Case.Sensitive);
            answer.ShouldNotContain("x-weft", Case.Insensitive);
        }

        (await AgreedAsync(catalog, "weft-h2", "weft-h1")).ShouldBe("weft-h2");
        application.Requests.Count.ShouldBe(3);
        foreach (var request in application.Requests)
        {
            request.ShouldStartWith("GET /a?b=c HTTP/1.1\r\nHost: catalog\r\nUser-Agent: curl/", Case.Sensitive);
            foreach (var line in new[] { "Accept: */*", "X-ODD: 1", "lower: 2" }) request.ShouldContain($"\r\n{line}\r\n", Case.Sensitive);
            request.ShouldNotContain("x-weft", Case.Insensitive);
        }
    }

    [Fact]
    public async Task A_request_and_a_response_at_the_limits_are_not_tipped_over_them_by_what_proxies_add()
    {
        var fields = string.Concat(Enumerable.Range(0, 98).Select(i => $"X-ODD-Field-{i}: {new string('v', 560)}\r\n"));
        using var application = new RawApplication($"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{fields}\r\nok");
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", application.Port);
        var client = await mesh.AddAsync("storefront", 0);

        using var socket = new TcpClient("127.0.0.1", client.Outbound);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET http://catalog/ HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n{fields}\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(socket.GetStream(), Encoding.Latin1);
        var answer = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        answer.ShouldStartWith("HTTP/1.1 200 OK\r\n");
        answer.ShouldContain("\r\nX-ODD-Field-97: vvv", Case.Sensitive);
        application.Requests.ShouldHaveSingleItem().ShouldContain("\r\nX-ODD-Field-97: vvv", Case.Sensitive);
    }

    [Fact]
    public async Task Curl_over_Http2_reaches_its_workload_over_Http2()
    {
        var curl = Tool.Require("curl", "curl");
        var port = Ports.Free();
        await using var application = await Http2Application(port);
        await using var mesh = await MeshUnderTest.StartAsync();
        await mesh.AddAsync("catalog", port);
        var client = await mesh.AddAsync("storefront", 0);

        // curl speaks HTTP/2 with prior knowledge inside of a CONNECT, as gRPC clients that honour http_proxy do.
        var answer = await RunAsync(curl, "-sS", "-x", $"http://127.0.0.1:{client.Outbound}", "--proxytunnel", "--http2-prior-knowledge", "-H", "x-a: 1", "-w", "|%{http_version}|%{http_code}", "http://catalog:80/");

        answer.ShouldBe("HTTP/2 x-a=1|2|200");
    }

    [Fact]
    public async Task The_protocol_between_proxies_changes_while_requests_run_and_none_fails()
    {
        await using var application = await Application.StartAsync("hello");
        await using var mesh = await MeshUnderTest.StartAsync();
        var catalog = await mesh.AddAsync("catalog", application.Port);
        var client = await mesh.AddAsync("storefront", 0);
        using var http = client.Client();
        using var stop = new CancellationTokenSource();
        var failures = new List<string>();
        var answers = 0L;
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    (await http.GetStringAsync("http://catalog/")).ShouldBe("hello");
                    Interlocked.Increment(ref answers);
                }
                catch (Exception e)
                {
                    lock (failures) failures.Add(e.Message);
                }
            }
        })));

        foreach (var (protocol, agreed) in new[] { ("Http1", "weft-h1"), ("Http2", "weft-h2"), ("Http1", "weft-h1") })
        {
            var revision = await mesh.ApplyAsync($$"""
                apiVersion: weft.dev/v1alpha1
                kind: Mesh
                metadata: {name: default}
                spec: {mtls: Strict, meshProtocol: {{protocol}}}
                """);
            await mesh.RolloutAsync(revision);
            await MeshEndToEndTests.Eventually(async () => (await AgreedAsync(catalog, "weft-h2", "weft-h1")).ShouldBe(agreed));
            var before = Interlocked.Read(ref answers);
            await MeshEndToEndTests.Eventually(() =>
            {
                Interlocked.Read(ref answers).ShouldBeGreaterThan(before + 50);
                return Task.CompletedTask;
            });
        }
        await stop.CancelAsync();
        await load;

        failures.ShouldBeEmpty();
        // Who offers HTTP/2 alone is turned away by a mesh that has switched it off.
        await Should.ThrowAsync<Exception>(() => AgreedAsync(catalog, "weft-h2"));
    }

    /// <summary>What a sidecar's inbound port chooses of <paramref name="offered"/>; TLS 1.3 says so before it asks who the client is.</summary>
    private static async Task<string> AgreedAsync(Sidecar sidecar, params string[] offered)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, sidecar.Inbound);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "80.catalog.default.weft", EnabledSslProtocols = SslProtocols.Tls13, RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ApplicationProtocols = [.. offered.Select(o => new SslApplicationProtocol(o))],
        });
        return tls.NegotiatedApplicationProtocol.ToString();
    }

    private static async Task<WebApplication> Http2Application(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, o => o.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(context => context.Response.WriteAsync($"{context.Request.Protocol} x-a={context.Request.Headers["x-a"]}"));
        await app.StartAsync();
        return app;
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, ["--max-time", "20", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return await output + errors;
    }

    /// <summary>Answers each request with the same bytes and keeps the bytes of each head.</summary>
    private sealed class RawApplication : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public RawApplication(string answer)
        {
            _listener.Start();
            _ = AcceptAsync(Encoding.ASCII.GetBytes(answer));
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public List<string> Requests { get; } = [];

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync(byte[] answer)
        {
            try
            {
                while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(), answer);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // the test is over
            }
        }

        private async Task ServeAsync(TcpClient client, byte[] answer)
        {
            using var _ = client;
            var stream = client.GetStream();
            var block = new byte[4096];
            var head = "";
            try
            {
                while (await stream.ReadAsync(block) is > 0 and var read)
                {
                    head += Encoding.Latin1.GetString(block, 0, read);
                    if (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal)) continue;
                    lock (Requests) Requests.Add(head);
                    head = "";
                    await stream.WriteAsync(answer);
                }
            }
            catch (IOException)
            {
                // the proxy let go
            }
        }
    }
}
