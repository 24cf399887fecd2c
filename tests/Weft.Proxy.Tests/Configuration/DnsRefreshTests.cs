using System.Net;
using Shouldly;
using Weft.Proxy.Configuration;
using Xunit;

namespace Weft.Proxy.Tests.Configuration;

public sealed class DnsRefreshTests
{
    [Theory]
    [InlineData("STRICT_DNS", 2)]
    [InlineData("LOGICAL_DNS", 1)]
    public async Task Names_become_endpoints_and_an_outage_of_DNS_keeps_them(string type, int endpoints)
    {
        var bootstrap = BootstrapFile.Parse($$"""
            static_resources:
              clusters:
              - name: a
                type: {{type}}
                dns_refresh_rate: 0.05s
                load_assignment: { cluster_name: a, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: db.example, port_value: 5432 } } } } ] } ] }
            """, "b.yaml");
        var store = new ConfigStore();
        var assembler = new ConfigAssembler(store, new ConfigHistory(TimeProvider.System), _ => null, _ => { }, new ConfigLimits(), TimeProvider.System);
        assembler.AddStatic(bootstrap).ShouldBeEmpty();
        using var thread = new ConfigThread(TimeProvider.System, _ => { });
        var asked = 0;
        var dns = new DnsRefresh(thread, assembler, (host, _) =>
        {
            host.ShouldBe("db.example");
            return Interlocked.Increment(ref asked) == 1
                ? Task.FromResult(new[] { IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2") })
                : Task.FromException<IPAddress[]>(new System.Net.Sockets.SocketException(11001));
        }, TimeProvider.System);
        thread.Turn = () =>
        {
            assembler.Settle();
            dns.Turn(CancellationToken.None);
        };
        thread.NextDeadline = () => dns.NextDeadline;
        thread.Start();

        var end = DateTime.UtcNow.AddSeconds(20);
        while (Volatile.Read(ref asked) < 4 && DateTime.UtcNow < end) await Task.Delay(5);

        Volatile.Read(ref asked).ShouldBeGreaterThanOrEqualTo(4);
        store.Current.Clusters.Find("a")!.Endpoints.Endpoints.Select(e => e.Address.ToString()).ShouldBe(new[] { "10.0.0.1:5432", "10.0.0.2:5432" }.Take(endpoints));
    }
}
