using System.Net;
using Weft.Proxy.Tests.Hosting;
using Weft.Proxy.Tests.Pipelines;
using Weft.Proxy.Tests.Security;

namespace Weft.Proxy.Tests.Attacks;

/// <summary>A real weft-proxy process with a plaintext and a TLS listener, time limits short enough to wait for, and two backends. All else is as it is by default.</summary>
internal sealed class AttackTarget : IAsyncDisposable
{
    /// <summary>The time limits that stand against slow clients; by default they are minutes.</summary>
    public const int HeadersMs = 1000, RequestMs = 2500, StreamIdleMs = 2000, IdleMs = 3000, HandshakeMs = 1000;

    /// <summary>Size of the answer to /large.</summary>
    public const int LargeBytes = 8 << 20;

    private static readonly byte[] Chunk = new byte[65536];

    private readonly RunningProxy _proxy;
    private readonly ScriptedBackend _backend;
    private readonly CalmBackend _calm;

    private AttackTarget(RunningProxy proxy, ScriptedBackend backend, CalmBackend calm, IPEndPoint address, IPEndPoint tlsAddress)
    {
        _proxy = proxy;
        _backend = backend;
        _calm = calm;
        Address = address;
        TlsAddress = tlsAddress;
    }

    public IPEndPoint Address { get; }

    public IPEndPoint TlsAddress { get; }

    public int ProcessId => _proxy.Process.Id;

    public bool IsAlive => !_proxy.Process.HasExited;

    public string Log => _proxy.Log;

    public static async Task<AttackTarget> StartAsync()
    {
        var backend = new ScriptedBackend(AnswerAsync);
        var calm = new CalmBackend();
        var proxy = await RunningProxy.StartAsync(Bootstrap(backend.Address.Port, calm.Address.Port), "--warmup-seconds", "5");
        await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_warmup_duration_seconds") > 0);
        return new AttackTarget(proxy, backend, calm, await proxy.ListenerAsync("plain"), await proxy.ListenerAsync("tls"));
    }

    public async ValueTask DisposeAsync()
    {
        _proxy.Dispose();
        await _backend.DisposeAsync();
        _calm.Dispose();
    }

    /// <summary>/large: <see cref="LargeBytes"/>; /wait: never; /upload: never, but takes the body; else "ok".</summary>
    private static async Task AnswerAsync(ScriptedBackend.Connection connection)
    {
        connection.Socket.SendBufferSize = 65536; // hundreds of answers wait at once: in the proxy's windows, not in this kernel's memory
        while (await connection.ReadHeadAsync() is { } head)
        {
            if (head.Contains(" /large", StringComparison.Ordinal))
            {
                await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {LargeBytes}\r\n\r\n");
                for (var sent = 0; sent < LargeBytes; sent += 65536) await connection.SendAsync(Chunk);
            }
            else if (head.Contains(" /wait", StringComparison.Ordinal) || head.Contains(" /upload", StringComparison.Ordinal))
            {
                while (true) await connection.ReadBytesAsync(1);
            }
            else
            {
                await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    }

    private static string Bootstrap(int backendPort, int calmPort)
    {
        var server = new TestAuthority().Issue("server");
        static string Quote(string text) => $"\"{text.Replace("\n", "\\n")}\"";
        const string Filters = """
            filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: in
                  request_headers_timeout: HEADERSs
                  request_timeout: REQUESTs
                  stream_idle_timeout: STREAMs
                  common_http_protocol_options: { idle_timeout: IDLEs }
                  route_config: { name: r, virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: /bystander }, route: { cluster: calm, timeout: 0s } }, { match: { prefix: / }, route: { cluster: backend, timeout: 0s } }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
            """;
        var filters = Filters.Replace("HEADERS", Seconds(HeadersMs)).Replace("REQUEST", Seconds(RequestMs)).Replace("STREAM", Seconds(StreamIdleMs)).Replace("IDLE", Seconds(IdleMs))
            .Replace("\n", "\n      ");
        return $$"""
            node: { id: attacked, cluster: attacked }
            static_resources:
              listeners:
              - name: plain
                address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
                filter_chains:
                - {{filters}}
              - name: tls
                address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
                filter_chains:
                - transport_socket_connect_timeout: {{Seconds(HandshakeMs)}}s
                  transport_socket:
                    name: tls
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                      common_tls_context:
                        tls_certificates:
                        - certificate_chain: { inline_string: {{Quote(server.ChainPem)}} }
                          private_key: { inline_string: {{Quote(server.KeyPem)}} }
                  {{filters}}
              clusters:
              - name: backend
                type: STATIC
                connect_timeout: 2s
                load_assignment: { cluster_name: backend, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{backendPort}} } } } }] }] }
              - name: calm
                type: STATIC
                connect_timeout: 2s
                load_assignment: { cluster_name: calm, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{calmPort}} } } } }] }] }
            """;
    }

    private static string Seconds(int milliseconds) => (milliseconds / 1000.0).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
