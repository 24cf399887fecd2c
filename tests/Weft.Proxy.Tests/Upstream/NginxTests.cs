using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Upstream;

/// <summary>HTTP/2 to a server that others wrote: nginx with prior knowledge.</summary>
public sealed class NginxTests
{
    [Fact]
    public async Task Nginx_serves_requests_small_large_many_at_once_and_across_its_own_GOAWAY()
    {
        var program = Tool.Require("nginx", "nginx");
        var folder = Directory.CreateTempSubdirectory("weft-nginx").FullName;
        var port = Ports.Free();
        File.SetUnixFileMode(folder, (UnixFileMode)0x1ED); // 0755: nginx's worker is another user
        await File.WriteAllBytesAsync(Path.Combine(folder, "large"), new byte[5_000_000], TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "nginx.conf"), $$"""
            daemon off; worker_processes 1; pid {{folder}}/pid; error_log {{folder}}/error.log;
            events { worker_connections 512; }
            http {
              access_log off; client_body_temp_path {{folder}}/body; proxy_temp_path {{folder}}/p; fastcgi_temp_path {{folder}}/f; uwsgi_temp_path {{folder}}/u; scgi_temp_path {{folder}}/s;
              http2_max_concurrent_streams 8; keepalive_requests 100;
              server {
                listen 127.0.0.1:{{port}} http2; root {{folder}};
                location = /small { return 200 "$request_method $http_x_a"; }
                location = /echo { client_max_body_size 10m; return 200 "ok"; }
              }
            }
            """, TestContext.Current.CancellationToken);
        using var nginx = Process.Start(new ProcessStartInfo(program, ["-p", folder, "-c", "nginx.conf"]) { UseShellExecute = false, RedirectStandardError = true })!;
        try
        {
            await ListeningAsync(port);
            await using var proxy = new ProxyUnderTest().Cluster("backend", [new IPEndPoint(IPAddress.Loopback, port)], Http2UpstreamTests.Http2Cluster())
                .Listen(ProxyUnderTest.RouteAll("\"retry_policy\": {\"retry_on\": \"connect-failure,refused-stream,reset-before-request\", \"num_retries\": 2}"));
            using var http = new HttpClient { BaseAddress = new Uri($"http://{proxy.Address}") };
            http.DefaultRequestHeaders.Add("x-a", "b");

            (await GetAsync(http, "/small")).ShouldBe("GET b"); // from here on it is known how many streams it takes
            // 600 requests, 32 at a time: nginx takes 8 per connection and says GOAWAY after 100.
            var bodies = new List<string>();
            for (var i = 0; i < 600; i += 30) bodies.AddRange(await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => GetAsync(http, "/small"))));
            bodies.ShouldAllBe(b => b == "GET b");
            var large = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => http.GetByteArrayAsync("/large", TestContext.Current.CancellationToken)));
            large.ShouldAllBe(l => l.Length == 5_000_000);
            using var answer = await http.PostAsync("/echo", new ByteArrayContent(new byte[1_000_000]), TestContext.Current.CancellationToken);
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
            using var missing = await http.GetAsync("/missing", TestContext.Current.CancellationToken);
            missing.StatusCode.ShouldBe(HttpStatusCode.NotFound);
            proxy.Faults.ShouldBeEmpty();
        }
        finally
        {
            nginx.Kill(entireProcessTree: true);
            await nginx.WaitForExitAsync(TestContext.Current.CancellationToken);
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The body, also of a failure: it says what failed.</summary>
    private static async Task<string> GetAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(path, TestContext.Current.CancellationToken);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static async Task ListeningAsync(int port)
    {
        for (var i = 0; i < 200; i++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50);
            }
        }
        throw new TimeoutException("nginx does not listen");
    }
}
