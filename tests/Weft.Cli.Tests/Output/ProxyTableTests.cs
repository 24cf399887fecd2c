using System.Text.Json.Nodes;
using Shouldly;
using Weft.Cli.Output;
using Xunit;

namespace Weft.Cli.Tests.Output;

public sealed class ProxyTableTests
{
    [Fact]
    public void Each_proxy_has_its_ports_its_version_and_its_state_and_a_refusal_its_reason()
    {
        var status = JsonNode.Parse("""
            {"revision": 12, "proxies": [
              {"node": "catalog-v1-a.default", "service": "catalog", "version": "v1", "connected": true, "inbound": [{"name": "http", "port": 9081, "listen": 20001}],
               "outboundPort": 20002, "adminPort": 20003, "syncedRevision": 12, "state": "acked", "refusals": [], "bypassable": true},
              {"node": "traffic-b.default", "service": "traffic", "version": "", "connected": true, "inbound": [], "outboundPort": 20005, "adminPort": 20006,
               "syncedRevision": null, "state": "refused", "bypassable": false,
               "refusals": [{"type": "route", "name": "catalog.default:80", "message": "no such cluster", "resources": ["HTTPRoute default/catalog"]}]},
              {"node": "gone-c.default", "service": "gone", "version": "", "connected": false, "inbound": [], "outboundPort": null, "adminPort": null,
               "syncedRevision": 9, "state": "disconnected", "refusals": [], "bypassable": false}]}
            """)!;
        ProxyTable.Text(status, terminal: false, where: "").ShouldBe(
            """
            PROXY                 SERVICE  VERSION  INBOUND     OUTBOUND  ADMIN  CONFIG  STATE         BYPASS
            catalog-v1-a.default  catalog  v1       20001>9081     20002  20003      12  acknowledged  possible
            traffic-b.default     traffic  -        -              20005  20006       -  refused       no
            gone-c.default        gone     -        -                  -      -       9  disconnected  no

            traffic-b.default refuses route catalog.default:80: no such cluster (HTTPRoute default/catalog)

            bypass possible: nothing redirects traffic here, so whoever knows an application's own port reaches it past its sidecar

            """);
    }

    [Fact]
    public void No_proxy_says_how_to_start_one() =>
        ProxyTable.Text(JsonNode.Parse("""{"proxies":[]}""")!, terminal: false, where: "").ShouldContain("weft run --service");
}
