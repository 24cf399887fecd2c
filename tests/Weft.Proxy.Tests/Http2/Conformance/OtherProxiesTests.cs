using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Tests.Hosting;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>
/// The suite against servers that are not ours (<c>./test --long</c>): a case that no other server passes would be suspect of misreading the RFC. What they are known to do
/// otherwise is theirs; the scores are printed beside ours.
/// </summary>
public sealed class OtherProxiesTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-peers-").FullName;
    private readonly List<Process> _processes = [];

    [Fact]
    public async Task Other_servers_pass_most_of_the_suite_too()
    {
        if (Environment.GetEnvironmentVariable("WEFT_LONG") != "1") Assert.Skip("takes minutes: ./test --long");
        var (nginx, haproxy) = (Tool.Require("nginx", "nginx"), Tool.Require("haproxy", "haproxy"));
        await using var first = await ConformanceServer.OfAsync(backend => NginxAsync(nginx, backend));
        await using var second = await ConformanceServer.OfAsync(backend => HaproxyAsync(haproxy, backend));
        var failures = new[] { await RunAsync(first), await RunAsync(second) };

        var cases = ConformanceTests.Suite().ToList();
        foreach (var one in cases.Where(c => failures.Any(f => f.ContainsKey(c.Name))))
            output.WriteLine($"{one.Name}\n    nginx: {failures[0].GetValueOrDefault(one.Name, "passes")}\n    HAProxy: {failures[1].GetValueOrDefault(one.Name, "passes")}");
        output.WriteLine($"of {cases.Count} cases nginx passes {cases.Count - failures[0].Count}, HAProxy {cases.Count - failures[1].Count}");
        failures.ShouldAllBe(f => f.Count < cases.Count / 3);
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit(5000);
            process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<Dictionary<string, string>> RunAsync(ConformanceServer server)
    {
        var failures = new Dictionary<string, string>();
        foreach (var one in ConformanceTests.Suite())
        {
            if (await one.RunAsync(server) is { } failure) failures[one.Name] = failure.Length > 300 ? failure[..300] : failure;
        }
        return failures;
    }

    private Task<IPEndPoint> NginxAsync(string nginx, IPEndPoint backend)
    {
        var port = Ports.Free();
        File.WriteAllText(Path.Combine(_folder, "nginx.conf"), $$"""
            daemon off; master_process off; error_log {{_folder}}/error.log crit; pid {{_folder}}/pid;
            events { worker_connections 2048; }
            http {
              access_log off; client_body_temp_path {{_folder}}; proxy_temp_path {{_folder}}/p; fastcgi_temp_path {{_folder}}/f; uwsgi_temp_path {{_folder}}/u; scgi_temp_path {{_folder}}/s;
              client_max_body_size 0; large_client_header_buffers 8 64k; http2_max_field_size 60k; http2_max_header_size 60k;
              server {
                listen 127.0.0.1:{{port}} http2;
                location / { proxy_pass http://{{backend}}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off; proxy_set_header Host $http_host; proxy_set_header Connection ""; }
              }
            }
            """);
        return StartAsync(port, nginx, "-c", Path.Combine(_folder, "nginx.conf"), "-p", _folder);
    }

    private Task<IPEndPoint> HaproxyAsync(string haproxy, IPEndPoint backend)
    {
        var port = Ports.Free();
        File.WriteAllText(Path.Combine(_folder, "haproxy.cfg"), $"""
            global
              maxconn 4000
              tune.bufsize 65536
            defaults
              mode http
              timeout connect 5s
              timeout client 30s
              timeout server 30s
            frontend f
              bind 127.0.0.1:{port} proto h2
              default_backend b
            backend b
              server s {backend}

            """);
        return StartAsync(port, haproxy, "-db", "-f", Path.Combine(_folder, "haproxy.cfg"));
    }

    private async Task<IPEndPoint> StartAsync(int port, string program, params string[] arguments)
    {
        _processes.Add(Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false })!);
        var address = new IPEndPoint(IPAddress.Loopback, port);
        for (var i = 0; i < 200; i++, await Task.Delay(25))
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await probe.ConnectAsync(address);
                return address;
            }
            catch (SocketException)
            {
                // not yet
            }
        }
        throw new TimeoutException($"{program} did not listen within 5 s");
    }
}
