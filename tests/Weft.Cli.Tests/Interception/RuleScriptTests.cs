using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Cli.Interception;
using Xunit;

namespace Weft.Cli.Tests.Interception;

/// <summary>A plan as the words of nft and of iptables-restore.</summary>
public sealed class RuleScriptTests
{
    /// <summary>Everything that a plan can say.</summary>
    internal static readonly RedirectPlan Full = new()
    {
        OutboundPort = 15001,
        Inbound = RedirectPlanTests.Inbound((9090, 20002), (8080, 20001)),
        Names = new NameRedirect(15053, [IPAddress.Parse("127.0.0.53"), IPAddress.Parse("fd00::53")]),
        ExcludedUsers = [1337, 42],
        ExcludedGroups = [99],
        ExcludedMark = 0x539,
        ExcludedPorts = [25, 22],
        ExcludedRanges = AddressRanges.Distinct(RedirectPlanTests.Ranges("10.0.0.0/8", "192.0.2.7", "fd00::/8")),
    };

    /// <summary>What the application of <c>weft run --transparent</c> gets.</summary>
    private static readonly RedirectPlan s_plain = new() { Names = NameRedirect.Everything(15053) };

    [Fact]
    public void Nftables_holds_the_whole_plan_in_one_table_replaced_in_one_transaction() => NftScript.Install(Full).ShouldBe("""
        table inet weft
        delete table inet weft
        table inet weft {
          set users { type uid; elements = { 42, 1337 } }
          set groups { type gid; elements = { 99 } }
          set ports { type inet_service; elements = { 22, 25 } }
          set nameservers4 { type ipv4_addr; elements = { 127.0.0.53 } }
          set ranges4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.7 } }
          set nameservers6 { type ipv6_addr; elements = { fd00::53 } }
          set ranges6 { type ipv6_addr; flags interval; elements = { fd00::/8 } }
          map inbound { type inet_service : inet_service; elements = { 8080 : 20001, 9090 : 20002 } }
          chain output {
            type nat hook output priority -105; policy accept;
            meta mark 0x00000539 return
            meta skuid @users return
            meta skgid @groups return
            ip daddr @nameservers4 udp dport 53 redirect to :15053
            ip6 daddr @nameservers6 udp dport 53 redirect to :15053
            ip daddr @nameservers4 tcp dport 53 redirect to :15053
            ip6 daddr @nameservers6 tcp dport 53 redirect to :15053
            ip daddr 127.0.0.0/8 return
            ip6 daddr ::1 return
            tcp dport @ports return
            ip daddr @ranges4 return
            ip6 daddr @ranges6 return
            meta l4proto tcp redirect to :15001
          }
          chain prerouting {
            type nat hook prerouting priority -105; policy accept;
            meta l4proto tcp fib daddr type local redirect to :tcp dport map @inbound
          }
        }

        """);

    [Fact]
    public void Nftables_of_a_plain_plan_has_no_empty_set_and_redirects_questions_to_any_server() => NftScript.Install(s_plain).ShouldBe("""
        table inet weft
        delete table inet weft
        table inet weft {
          chain output {
            type nat hook output priority -105; policy accept;
            udp dport 53 redirect to :15053
            tcp dport 53 redirect to :15053
            ip daddr 127.0.0.0/8 return
            ip6 daddr ::1 return
            meta l4proto tcp redirect to :15001
          }
        }

        """);

    [Fact]
    public void Iptables_makes_chains_of_our_own_and_one_jump_to_each() => IptablesScript.Install(Full, AddressFamily.InterNetwork, IptablesListing.Read("")).ShouldBe("""
        *nat
        :WEFT_OUTPUT - [0:0]
        -I OUTPUT 1 -j WEFT_OUTPUT
        :WEFT_PREROUTING - [0:0]
        -I PREROUTING 1 -j WEFT_PREROUTING
        -A WEFT_OUTPUT -m mark --mark 0x539 -j RETURN
        -A WEFT_OUTPUT -m owner --uid-owner 42 -j RETURN
        -A WEFT_OUTPUT -m owner --uid-owner 1337 -j RETURN
        -A WEFT_OUTPUT -m owner --gid-owner 99 -j RETURN
        -A WEFT_OUTPUT -d 127.0.0.53/32 -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053
        -A WEFT_OUTPUT -d 127.0.0.53/32 -p tcp -m tcp --dport 53 -j REDIRECT --to-ports 15053
        -A WEFT_OUTPUT -d 127.0.0.0/8 -j RETURN
        -A WEFT_OUTPUT -p tcp -m tcp --dport 22 -j RETURN
        -A WEFT_OUTPUT -p tcp -m tcp --dport 25 -j RETURN
        -A WEFT_OUTPUT -d 10.0.0.0/8 -j RETURN
        -A WEFT_OUTPUT -d 192.0.2.7/32 -j RETURN
        -A WEFT_OUTPUT -p tcp -j REDIRECT --to-ports 15001
        -A WEFT_PREROUTING -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 8080 -j REDIRECT --to-ports 20001
        -A WEFT_PREROUTING -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 9090 -j REDIRECT --to-ports 20002
        COMMIT

        """);

    [Fact]
    public void Iptables_of_the_other_family_has_that_familys_addresses()
    {
        var rules = IptablesScript.Rules(Full, AddressFamily.InterNetworkV6).ToList();
        rules.ShouldContain("WEFT_OUTPUT -d fd00::53/128 -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053");
        rules.ShouldContain("WEFT_OUTPUT -d ::1/128 -j RETURN");
        rules.ShouldContain("WEFT_OUTPUT -d fd00::/8 -j RETURN");
        rules.ShouldNotContain(r => r.Contains("127.0.0", StringComparison.Ordinal) || r.Contains("10.0.0.0", StringComparison.Ordinal));
    }

    [Fact]
    public void Iptables_jumps_once_however_often_it_is_installed_and_removes_what_is_there()
    {
        var present = IptablesListing.Read(Saved(Full, AddressFamily.InterNetwork));
        IptablesScript.Install(Full, AddressFamily.InterNetwork, present).ShouldNotContain("-I ");
        IptablesScript.Remove(present).ShouldBe("*nat\n-D OUTPUT -j WEFT_OUTPUT\n-F WEFT_OUTPUT\n-X WEFT_OUTPUT\n-D PREROUTING -j WEFT_PREROUTING\n-F WEFT_PREROUTING\n-X WEFT_PREROUTING\nCOMMIT\n");
        IptablesScript.Remove(IptablesListing.Read("*nat\n:WEFT_OUTPUT - [0:0]\nCOMMIT\n")).ShouldBe("*nat\n-F WEFT_OUTPUT\n-X WEFT_OUTPUT\nCOMMIT\n");
    }

    [Fact]
    public void A_plan_is_read_back_from_both_families_as_it_was_written()
    {
        foreach (var plan in (RedirectPlan[])[Full, s_plain, new RedirectPlan { OutboundPort = 4, ExcludedUsers = [0] }])
        {
            var read = IptablesListing.Plan(IptablesListing.Read(Saved(plan, AddressFamily.InterNetwork)), IptablesListing.Read(Saved(plan, AddressFamily.InterNetworkV6)));
            NftScript.Install(read!).ShouldBe(NftScript.Install(plan));
        }
        IptablesListing.Plan(IptablesListing.Read(""), IptablesListing.Read("*filter\n-A OUTPUT -j ACCEPT\nCOMMIT\n")).ShouldBeNull();
    }

    [Fact]
    public void Rules_that_are_not_ours_in_our_chains_are_named_and_not_guessed_at() =>
        Should.Throw<CliException>(() => IptablesListing.Plan(IptablesListing.Read("*nat\n-A WEFT_OUTPUT -j ACCEPT\nCOMMIT\n"), IptablesListing.Read(""))).Message.ShouldContain("not Weft's");

    /// <summary>As iptables-save prints it, between tables and rules of others.</summary>
    private static string Saved(RedirectPlan plan, AddressFamily family) => string.Join('\n', (string[])
    [
        "# Generated by iptables-save v1.8.9", "*filter", ":INPUT ACCEPT [0:0]", "-A OUTPUT -j WEFT_OUTPUT_NOT_OURS", "COMMIT", "# Completed", "*nat", ":OUTPUT ACCEPT [3:180]", ":WEFT_OUTPUT - [0:0]",
        ":WEFT_PREROUTING - [0:0]", "-A PREROUTING -j WEFT_PREROUTING", "-A OUTPUT -j WEFT_OUTPUT", "-A OUTPUT -p tcp -m tcp --dport 9 -j RETURN",
        .. IptablesScript.Rules(plan, family).Select(r => "-A " + r), "COMMIT", "",
    ]);
}
