using System.Diagnostics;
using System.Net;
using Google.Protobuf;
using Shouldly;
using Weft.Proxy.Tests.Admin;
using Weft.Proxy.Tests.Configuration;
using Weft.Proxy.Tests.Hosting;
using Weft.Proxy.Tests.Interception;
using Weft.TestSupport;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Names;

/// <summary>The real process and other people's clients.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly UpstreamResolver _upstream = new UpstreamResolver().Answering("93.184.216.34");

    public void Dispose() => _upstream.Dispose();

    private string Listener(string address, int port, string client, string more = "") => $$"""
          - name: names
            {{more}}
            address: { socket_address: { protocol: UDP, address: {{address}}, port_value: {{port}} } }
            udp_listener_config: {}
            listener_filters:
            - name: weft.v1.mesh_names
              typed_config: { "@type": type.googleapis.com/weft.v1.MeshNames, default_namespace: shop, domain_suffixes: [svc.cluster.local, svc], lookup_timeout: 5s }
            - name: envoy.filters.udp.dns_filter
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig
                stat_prefix: names
                server_config:
                  inline_dns_table:
                    virtual_domains:
                    - { name: static.test, endpoint: { address_list: { address: [10.1.2.3, "fd00::7"] } }, answer_ttl: 33s }
                    - { name: "*.static.test", endpoint: { address_list: { address: [10.1.2.4] } } }
                client_config: {{client}}
        """;

    private string Forwards => $"{{ resolver_timeout: 1s, dns_resolution_config: {{ resolvers: [ {{ socket_address: {{ address: 127.0.0.1, port_value: {_upstream.Address.Port} }} }} ] }} }}";

    private static async Task<string> DigAsync(IPEndPoint server, params string[] arguments)
    {
        var printed = await Command.RunAsync(Tool.Require("dig", "bind9-dnsutils"), [$"@{server.Address}", "-p", server.Port.ToString(), "+time=5", "+tries=2", .. arguments]);
        printed.ShouldNotContain("malformed");
        printed.ShouldNotContain("mismatch");
        return printed;
    }

    [Fact]
    public async Task Dig_understands_every_kind_of_answer()
    {
        using var proxy = await RunningProxy.StartAsync($"node: {{ id: a, cluster: b }}\nstatic_resources:\n  listeners:\n{Listener("127.0.0.1", 0, Forwards)}");
        var server = await proxy.ListenerAsync("names");

        (await DigAsync(server, "+short", "Static.Test", "A")).Trim().ShouldBe("10.1.2.3");
        (await DigAsync(server, "+short", "+tcp", "static.test", "AAAA")).Trim().ShouldBe("fd00::7");
        (await DigAsync(server, "+short", "any.thing.static.test")).Trim().ShouldBe("10.1.2.4");
        var answer = await DigAsync(server, "+dnssec", "+bufsize=4096", "+subnet=10.0.0.0/24", "static.test", "TXT");
        answer.ShouldContain("status: NOERROR");
        answer.ShouldContain("flags: qr aa rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1");
        answer.ShouldContain("; EDNS: version: 0, flags: do; udp: 1232");
        answer.ShouldMatch(@"static\.test\.\s+33\s+IN\s+SOA\s+\. \. 1 33 33 33 33");
        (await DigAsync(server, "+edns=1", "+noednsnegotiation", "static.test")).ShouldContain("status: BADVERS");
        (await DigAsync(server, "+opcode=2", "static.test")).ShouldContain("status: NOTIMP");
        (await DigAsync(server, "ch", "txt", "version.bind")).ShouldContain("status: REFUSED");
        (await DigAsync(server, "+noall", "+answer", "+noedns", "www.example.test")).ShouldMatch(@"www\.example\.test\.\s+60\s+IN\s+A\s+93\.184\.216\.34");
        (await DigAsync(server, "+short", "+keepopen", "+tcp", "www.example.test", "www.example.test")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(2);

        (await proxy.MetricAsync("weft_dns_queries_total{outcome=\"forwarded\"}")).ShouldBe(1);
        (await proxy.MetricAsync("weft_dns_queries_total{outcome=\"cached\"}")).ShouldBe(2);
        (await proxy.MetricAsync("weft_dns_queries_total{outcome=\"table\"}")).ShouldBe(4);
        (await proxy.MetricAsync("weft_dns_queries_total{outcome=\"malformed\"}")).ShouldBe(2);
        (await proxy.MetricAsync("weft_dns_queries_total{outcome=\"refused\"}")).ShouldBe(1);
    }

    [Fact]
    public async Task Names_of_the_mesh_come_from_the_control_plane_and_stay_when_it_goes()
    {
        var xds = Ports.Free();
        var bootstrap = $$"""
            node: { id: test, metadata: { weft.dev: { service: shop } } }
            dynamic_resources:
              lds_config: { ads: {} }
              ads_config: { api_type: DELTA_GRPC, grpc_services: [ { envoy_grpc: { cluster_name: xds } } ] }
            static_resources:
              clusters:
              - { name: xds, load_assignment: { cluster_name: xds, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{xds}} } } } } ] } ] } }
              listeners:
            {{Listener("127.0.0.1", 0, Forwards)}}
            """;
        var name = new Weft.V1.Name { Service = "catalog", Namespace = "shop", Addresses = { "240.240.3.7", "fd77:6566:7400::3:7" }, Ports = { 80 } };
        (XdsType, string, IMessage)[] resources = [(XdsType.Name, "catalog.shop", name), (XdsType.Name, "240.240.3.7", name)];
        var control = await AdsServer.StartAsync(xds, new FixedSnapshot(1, resources));
        using var proxy = await RunningProxy.StartAsync(bootstrap);
        var server = await proxy.ListenerAsync("names");

        (await DigAsync(server, "+short", "catalog")).Trim().ShouldBe("240.240.3.7");
        (await DigAsync(server, "+short", "catalog.shop.svc.cluster.local", "AAAA")).Trim().ShouldBe("fd77:6566:7400::3:7");
        (await DigAsync(server, "+short", "-x", "240.240.3.7")).Trim().ShouldBe("catalog.shop.svc.cluster.local.");
        (await DigAsync(server, "+short", "nothing")).Trim().ShouldBe("93.184.216.34", "it is no service, and may be somebody else's");
        _upstream.Asked.ShouldBe(["udp nothing 1"]);

        await control.DisposeAsync();
        await proxy.UntilAsync(async () => await proxy.MetricAsync("weft_control_plane_connected") == 0);
        (await DigAsync(server, "+short", "catalog.shop")).Trim().ShouldBe("240.240.3.7");
    }

    /// <summary>An application in a network namespace without any network: whichever resolver it asks, by either family and protocol, the proxy answers, and forwards from the machine's network.</summary>
    [Fact]
    public async Task Redirected_questions_from_another_network_namespace_are_answered_as_by_whom_they_were_meant_for()
    {
        var dig = Tool.Require("dig", "bind9-dnsutils");
        var nft = Tool.Require("nft", "nftables");
        using var inside = new TestNamespace();
        var port = Ports.Free();
        var more = $"metadata: {{ filter_metadata: {{ weft.dev: {{ network_namespace: {inside.Path} }} }} }}\n    additional_addresses: [ {{ address: {{ socket_address: {{ protocol: UDP, address: \"::1\", port_value: {port} }} }} }} ]";
        using var proxy = await RunningProxy.StartAsync($"node: {{ id: a, cluster: b }}\nstatic_resources:\n  listeners:\n{Listener("127.0.0.1", port, Forwards, more)}");
        (await inside.RunAsync("/bin/sh", "-c", $"{nft} 'add table inet t; add chain inet t o {{ type nat hook output priority -100 ; }}; add rule inet t o udp dport 53 redirect to :{port}; add rule inet t o tcp dport 53 redirect to :{port}'"))
            .ShouldBe((0, ""));

        foreach (var server in (string[])["192.0.2.53", "2001:db8::53"])
        {
            foreach (var protocol in (string[])["+notcp", "+tcp"])
            {
                (await inside.RunAsync(dig, $"@{server}", "+short", "+time=5", protocol, "static.test")).ShouldBe((0, "10.1.2.3\n"), $"{server} {protocol}");
                (await inside.RunAsync(dig, $"@{server}", "+short", "+time=5", protocol, "www.example.test")).ShouldBe((0, "93.184.216.34\n"), $"{server} {protocol}");
            }
        }
        _upstream.Asked.Count.ShouldBe(2, "each address of the listener remembers for itself");
    }

    /// <summary>A machine whose resolver is the proxy alone: the C library and Python's resolver go through it, and the proxy, which reads the same resolv.conf, does not ask itself.</summary>
    [Fact]
    public async Task The_c_library_resolves_through_it_and_the_proxy_does_not_ask_itself()
    {
        var unshare = Tool.Require("unshare", "util-linux");
        Tool.Require("ip", "iproute2");
        if (Environment.UserName != "root") Assert.Skip("only root can make a network namespace with a resolv.conf of its own");
        var folder = Directory.CreateTempSubdirectory("weft-names-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "resolv.conf"), "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n", TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(folder, "bootstrap.yaml"), $"node: {{ id: a, cluster: b }}\nstatic_resources:\n  listeners:\n{Listener("127.0.0.1", 53, "{}")}", TestContext.Current.CancellationToken);
            var proxy = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Proxy/release/weft-proxy");
            var script = $$"""
                ip link set lo up
                ip address add 10.9.9.9/32 dev lo; ip address add fd00::9/128 dev lo # the C library asks for no family of which a machine has loopback alone
                mount --bind {{folder}}/resolv.conf /etc/resolv.conf
                {{proxy}} --bootstrap {{folder}}/bootstrap.yaml --drain-seconds 0 --warmup-seconds 0 &
                proxy=$!
                for i in $(seq 200); do getent ahosts static.test >/dev/null && break; kill -0 $proxy || exit 9; sleep 0.05; done
                getent ahosts static.test
                /usr/bin/python3 -c 'import socket, time
                print(sorted({a[4][0] for a in socket.getaddrinfo("sub.static.test", 80)}))
                began = time.time()
                try: print(socket.getaddrinfo("www.example.test", 80))
                except socket.gaierror as e: print("failed", e.errno == socket.EAI_AGAIN, time.time() - began < 2)'
                kill $proxy; wait $proxy
                """;
            var printed = await Command.RunAsync(unshare, "--net", "--mount", "/bin/sh", "-c", script);

            printed.ShouldContain("10.1.2.3");
            printed.ShouldContain("fd00::7");
            printed.ShouldContain("['10.1.2.4']");
            printed.ShouldContain("failed True True");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
