using System.Text.Json.Nodes;
using Shouldly;
using Weft.TestSupport;
using Xunit;

namespace Weft.Cli.Tests.Interception;

/// <summary><c>weft intercept</c> and the kernel, by either program, in a namespace of the test.</summary>
public sealed class InterceptTests
{
    private const string NonsenseOfOthers = """
        nft -f - <<END
        table ip others {
            chain output { type nat hook output priority -100; policy accept; tcp dport 9 counter redirect to :10; }
        }
        table inet filter {
            set weft { type ipv4_addr; elements = { 192.0.2.9 } }
            chain input { type filter hook input priority 0; policy accept; ip saddr @weft drop; }
        }
        END
        """;

    [Theory]
    [InlineData("nft")]
    [InlineData("iptables")]
    public async Task What_is_made_there_goes_to_the_proxy_with_its_original_destination_but_for_what_is_excluded(string tool)
    {
        await using var place = await NamespaceAsync(tool);
        await place.ServeAsync(15001, 15053, 53, 80, 22);
        string[] asked = ["tcp/192.0.2.1/80", "tcp/2001:db8::1/80", "tcp/192.0.2.1/22", "tcp/10.1.1.1/80", "tcp/fd00::1/80", "tcp/127.0.0.1/80", "tcp/::1/80",
            "udp/192.0.2.53/53", "tcp/192.0.2.53/53", "udp/192.0.2.54/53", "udp/2001:db8::53/53"];
        (await place.AskAsync(asked[..^1])).ShouldBe(["80 directly", "80 directly", "22 directly", "80 directly", "80 directly", "80 directly", "80 directly", "53 by udp", "53 directly", "53 by udp"]);

        var (code, output, error) = await place.InterceptAsync($"install --tool {tool} --exclude-port 22 --exclude-range 10.0.0.0/8 --exclude-range fd00::/8 --nameserver 192.0.2.53 --nameserver 2001:db8::53");
        code.ShouldBe(0, error);
        output.ShouldContain("left alone: user 65534; loopback; port 22; 10.0.0.0/8, fd00::/8; UDP but questions of the domain name system; ICMP");
        (await place.AskAsync(asked)).ShouldBe(["15001 for 192.0.2.1:80", "15001 for 2001:db8::1:80", "22 directly", "80 directly", "80 directly", "80 directly", "80 directly",
            "15053 by udp", "15053 for 192.0.2.53:53", "53 by udp", "15053 by udp"]);
        (await place.AskAsync(asked[..2], user: 65534)).ShouldBe(["80 directly", "80 directly"], "the proxy itself is not led to itself");

        (await place.InterceptAsync($"remove --tool {tool}")).Code.ShouldBe(0);
        (await place.AskAsync(asked[..2])).ShouldBe(["80 directly", "80 directly"]);
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("iptables")]
    public async Task What_comes_from_elsewhere_goes_to_the_sidecar_of_its_port(string tool)
    {
        await using var place = await NamespaceAsync(tool);
        await using var elsewhere = await TestNamespace.CreateAsync();
        const string noLongerEverywhere = "ip route del local default dev lo table local && ip -6 route del local default dev lo table local && ";
        await place.ShellAsync($"{noLongerEverywhere}ip link add inner type veth peer name outer netns {elsewhere.Holder} && ip addr add 192.0.2.1/24 dev inner && ip -6 addr add 2001:db8::1/64 dev inner nodad && ip link set inner up");
        await elsewhere.ShellAsync($"{noLongerEverywhere}ip addr add 192.0.2.2/24 dev outer && ip -6 addr add 2001:db8::2/64 dev outer nodad && ip link set outer up");
        await place.ServeAsync(15001, 20001, 8080, 9090);
        (await place.InterceptAsync($"install --tool {tool} --no-dns --inbound 8080:20001")).Code.ShouldBe(0);
        (await elsewhere.AskAsync(["tcp/192.0.2.1/8080", "tcp/2001:db8::1/8080", "tcp/192.0.2.1/9090"])).ShouldBe(["20001 for 192.0.2.1:8080", "20001 for 2001:db8::1:8080", "9090 directly"]);
    }

    [Fact]
    public async Task Rules_of_others_are_byte_for_byte_the_same_after_it_all()
    {
        await using var place = await NamespaceAsync("nft");
        await place.ShellAsync("PATH=$PATH:/usr/sbin; " + NonsenseOfOthers);
        var before = await place.RulesetAsync();
        await place.ServeAsync(15001);
        (await place.InterceptAsync("install --no-dns")).Code.ShouldBe(0);
        var installed = await place.RulesetAsync();
        installed.ShouldContain("table inet weft");
        installed.ShouldContain(before.TrimEnd());

        (await place.InterceptAsync("install --no-dns")).Out.ShouldStartWith("this was installed already; nothing was changed\n");
        (await place.RulesetAsync()).ShouldBe(installed);
        (await place.InterceptAsync("install --no-dns --exclude-uid 7 --exclude-port 22")).Code.ShouldBe(0);
        (await place.RulesetAsync()).ShouldContain("elements = { 22 }");

        (await place.InterceptAsync("remove")).ShouldBe((0, "connections are no longer intercepted\n", ""));
        (await place.RulesetAsync()).ShouldBe(before);
        (await place.InterceptAsync("remove")).ShouldBe((0, "nothing is intercepted here\n", ""));
        (await place.RulesetAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task By_iptables_too_rules_of_others_stay_as_they_are()
    {
        await using var place = await NamespaceAsync("iptables");
        const string others = "PATH=$PATH:/usr/sbin; for t in iptables ip6tables; do $t -t nat -A OUTPUT -p tcp --dport 9 -j REDIRECT --to-ports 10; $t -t nat -N OTHERS; $t -t nat -A PREROUTING -j OTHERS; $t -A INPUT -p tcp --dport 9 -j DROP; done";
        const string saved = "PATH=$PATH:/usr/sbin; { iptables-save; ip6tables-save; } | grep -v '^#' | sed 's/ \\[.*//'";
        await place.ShellAsync(others);
        var before = await place.ShellAsync(saved);
        await place.ServeAsync(15001);
        (await place.InterceptAsync("install --tool iptables --no-dns")).Code.ShouldBe(0);
        var installed = await place.ShellAsync(saved);
        installed.Split('\n').Except(before.Split('\n')).ShouldAllBe(l => l.Contains("WEFT_", StringComparison.Ordinal));

        (await place.InterceptAsync("install --tool iptables --no-dns")).Out.ShouldStartWith("this was installed already");
        (await place.InterceptAsync("install --tool iptables --no-dns --exclude-uid 7 --exclude-port 22")).Code.ShouldBe(0);
        (await place.ShellAsync(saved)).Split('\n').Count(l => l == "-A OUTPUT -j WEFT_OUTPUT").ShouldBe(2, "one jump in each family");
        (await place.InterceptAsync("remove --tool iptables")).Code.ShouldBe(0);
        (await place.ShellAsync(saved)).ShouldBe(before);
        (await place.InterceptAsync("remove --tool iptables")).Out.ShouldBe("nothing is intercepted here\n");
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("iptables")]
    public async Task What_is_shown_is_what_the_kernel_does(string tool)
    {
        await using var place = await NamespaceAsync(tool);
        (await place.InterceptAsync($"show --tool {tool}")).ShouldBe((0, "nothing is intercepted here\n", ""));
        await place.ServeAsync(15001);
        var (code, _, error) = await place.InterceptAsync($"install --tool {tool} --force --nameserver 192.0.2.53 --inbound 8080:20001 --exclude-uid 42 --exclude-gid 43 --exclude-mark 0x539 --exclude-port 25 --exclude-port 22 --exclude-range 10.0.0.0/8 --exclude-range fd00::1");
        code.ShouldBe(0, error);
        var shown = (await place.InterceptAsync($"show --tool {tool}")).Out;
        shown.ShouldContain("outbound   tcp to any address");
        shown.ShouldContain("warning: nothing listens on port 15053 (names: udp and tcp port 53 of 192.0.2.53): it is refused");
        shown.ShouldContain("warning: nothing listens on port 20001 (inbound: tcp to port 8080): it is refused");
        shown.ShouldContain("left alone: user 42; group 43; mark 0x539; loopback; port 22, 25; 10.0.0.0/8, fd00::1;");

        var json = JsonNode.Parse((await place.InterceptAsync($"show --tool {tool} -o json")).Out)!;
        json["excluded"]!.ToJsonString().ShouldBe("""{"users":[42],"groups":[43],"mark":1337,"ports":[22,25],"ranges":["10.0.0.0/8","fd00::1"]}""");
        json["targets"]!.AsArray().Select(t => $"{t!["direction"]} {t["port"]} {t["listens"]}").ShouldBe(["outbound 15001 Yes", "names 15053 No", "inbound 20001 No"]);
        json["nameservers"]!.ToJsonString().ShouldBe("""["192.0.2.53"]""");
    }

    [Fact]
    public async Task Nothing_is_led_to_where_nobody_listens_unless_that_is_asked_for()
    {
        await using var place = await NamespaceAsync("nft");
        var before = await place.RulesetAsync();
        var (code, _, error) = await place.InterceptAsync("install");
        code.ShouldBe(ExitCode.Failed);
        error.ShouldContain("nothing listens on port 15001 (outbound)");
        (await place.InterceptAsync("install --exclude-uid 7 --no-dns")).Error.ShouldContain("nothing was changed: start the proxy first, or say --force");
        await place.ServeAsync(15001);
        (await place.InterceptAsync("install")).Error.ShouldContain("nothing listens on port 15053 (names");
        (await place.InterceptAsync("install --no-dns --inbound 8080:20001")).Error.ShouldContain("nothing listens on port 20001 (inbound");
        (await place.RulesetAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task A_proxy_that_is_gone_refuses_connections_at_once_and_they_resume_when_it_is_back()
    {
        await using var place = await NamespaceAsync("nft");
        (await place.InterceptAsync("install --force --no-dns --exclude-uid 65534")).Code.ShouldBe(0);
        (await place.AskAsync(["tcp/192.0.2.1/80", "tcp/2001:db8::1/80"])).ShouldBe(["ECONNREFUSED", "ECONNREFUSED"]);
        await place.ServeAsync(15001);
        (await place.AskAsync(["tcp/192.0.2.1/80"])).ShouldBe(["15001 for 192.0.2.1:80"]);
    }

    [Fact]
    public async Task Without_the_capability_the_error_says_which()
    {
        await using var place = await NamespaceAsync("nft");
        var weft = Path.Combine(Tool.RepositoryRoot(), "artifacts/bin/Weft.Cli/release/weft");
        foreach (var (capability, name) in new[] { ("net_admin", "CAP_NET_ADMIN"), ("sys_admin", "CAP_SYS_ADMIN") })
        {
            var (code, _, error) = await TestNamespace.RunAsync("setpriv", [$"--bounding-set=-{capability}", weft, "intercept", "show", "--netns", place.Location]);
            code.ShouldBe(ExitCode.Failed);
            error.ShouldContain($"weft intercept needs {name}");
        }
    }

    private static Task<TestNamespace> NamespaceAsync(string tool)
    {
        Tool.Require(tool, tool == "nft" ? "nftables" : tool);
        return TestNamespace.CreateAsync();
    }
}
