using System.Collections.Immutable;
using System.Net;
using Shouldly;
using Weft.Cli.Interception;
using Xunit;

namespace Weft.Cli.Tests.Interception;

public sealed class RedirectPlanTests
{
    [Fact]
    public void A_plan_of_defaults_contradicts_nothing() => new RedirectPlan { Names = NameRedirect.Everything(15053) }.Contradictions().ShouldBeEmpty();

    [Fact]
    public void Each_contradiction_is_one_sentence()
    {
        One(new RedirectPlan { Names = NameRedirect.Everything(15001) }).ShouldBe("port 15001 cannot take both questions of the domain name system and connections");
        One(new RedirectPlan { Inbound = Inbound((8080, 15001)) }).ShouldBe("port 15001 cannot take both the connections that are made here and those that come here");
        One(new RedirectPlan { Inbound = Inbound((8080, 8080)) }).ShouldBe("inbound 8080:8080 leads a port to itself");
        One(new RedirectPlan { Inbound = Inbound((8080, 20001), (20001, 20002)) }).ShouldBe("inbound 20001:20002: 20001 is a port of the proxy, not of an application");
        One(new RedirectPlan { Names = NameRedirect.Everything(15053), ExcludedPorts = [53] }).ShouldBe("port 53 is excluded and redirected: leave out one of them");
        One(new RedirectPlan { ExcludedMark = 0 }).ShouldContain("nothing would be redirected");
    }

    [Fact]
    public void Without_names_port_53_may_be_excluded() => new RedirectPlan { ExcludedPorts = [53] }.Contradictions().ShouldBeEmpty();

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData("fd00::/8", "fd00::/8")]
    [InlineData("2001:db8::1", "2001:db8::1/128")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    public void A_range_is_read_as_people_write_it(string text, string range)
    {
        AddressRanges.TryParse(text, out var read, out _).ShouldBeTrue();
        read.ToString().ShouldBe(range);
    }

    [Theory]
    [InlineData("10.1.2.3/8", "10.0.0.0/8 is the range, 10.1.2.3/32 the address")]
    [InlineData("fd00::1/8", "fd00::/8 is the range")]
    [InlineData("10.0.0.0/33", "a number from 0 to 32")]
    [InlineData("fd00::/129", "a number from 0 to 128")]
    [InlineData("10.0.0.0/", "a number from 0 to 32")]
    [InlineData("10.0.0.0/-1", "a number from 0 to 32")]
    [InlineData("fe80::1%eth0", "no range of addresses")]
    [InlineData("example.com", "no range of addresses")]
    [InlineData("", "no range of addresses")]
    public void A_wrong_range_is_refused_with_what_was_meant(string text, string said)
    {
        AddressRanges.TryParse(text, out _, out var error).ShouldBeFalse();
        error.ShouldContain(said);
    }

    [Fact]
    public void Ranges_that_lie_in_others_are_left_out_and_the_rest_is_in_order() =>
        AddressRanges.Distinct(Ranges("fd00::/8", "192.168.0.0/16", "10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "10.1.2.3", "fd00:1::/32", "2001:db8::/32"))
            .Select(AddressRanges.Text).ShouldBe(["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32", "fd00::/8"]);

    private static string One(RedirectPlan plan) => plan.Contradictions().ShouldHaveSingleItem();

    internal static ImmutableSortedDictionary<int, int> Inbound(params (int Application, int Sidecar)[] ports) => ports.ToImmutableSortedDictionary(p => p.Application, p => p.Sidecar);

    internal static IEnumerable<IPNetwork> Ranges(params string[] ranges) => ranges.Select(r => AddressRanges.TryParse(r, out var range, out var error) ? range : throw new ArgumentException(error));
}
