using System.Net;
using System.Text;
using Shouldly;
using Weft.Routing.ForwardProxy;
using Weft.Routing.Names;
using Xunit;

namespace Weft.Routing.Tests.Names;

public sealed class MeshQuestionTests
{
    private static readonly MeshDomain Domain = new("shop", ["svc.cluster.local", "svc"], ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"]);

    private static string? Key(string name)
    {
        Span<byte> into = stackalloc byte[MeshName.MaxLength];
        return MeshQuestion.TryWrite(Encoding.UTF8.GetBytes(name), Domain, into, out var length) ? Encoding.UTF8.GetString(into[..length]) : null;
    }

    [Theory]
    [InlineData("catalog", "catalog.shop")]
    [InlineData("CATALOG.Default", "catalog.default")]
    [InlineData("catalog.default.svc", "catalog.default")]
    [InlineData("catalog.default.svc.cluster.local", "catalog.default")]
    [InlineData("example.com", "example.com")] // it could be a service of a namespace called com: the control plane knows
    public void Names_that_requests_may_use_may_be_asked_for(string name, string key) => Key(name).ShouldBe(key);

    [Theory]
    [InlineData("catalog.shop.svc.cluster.local", "catalog.shop")] // catalog
    [InlineData("catalog.default.shop.svc.cluster.local", "catalog.default")] // catalog.default
    [InlineData("catalog.default.svc.shop.svc.cluster.local", "catalog.default")]
    [InlineData("catalog.default.svc.cluster.local.shop.svc.cluster.local", "catalog.default")]
    [InlineData("catalog.svc.cluster.local", "catalog.shop")]
    [InlineData("catalog.default.svc.cluster.local.cluster.local", "catalog.default")]
    public void What_a_resolver_appends_makes_no_difference(string name, string key) => Key(name).ShouldBe(key);

    [Theory]
    [InlineData("www.example.com")]
    [InlineData("www.example.com.shop.svc.cluster.local")]
    [InlineData("localhost")]
    [InlineData("_http._tcp.catalog")]
    [InlineData("10.1")]
    public void What_cannot_be_a_service_is_not(string name) => Key(name).ShouldBeNull();

    [Fact]
    public void Table_prefers_the_name_itself_then_the_longest_wildcard()
    {
        var table = new DnsTable(new Dictionary<string, DnsTableEntry>
        {
            ["a.test"] = Entry("10.0.0.1"), ["*.a.test"] = Entry("10.0.0.2"), ["*.b.a.test"] = Entry("10.0.0.3"), ["*.test"] = Entry("10.0.0.4"),
        });

        Find("a.test").ShouldBe("10.0.0.1");
        Find("x.a.test").ShouldBe("10.0.0.2");
        Find("x.b.a.test").ShouldBe("10.0.0.3");
        Find("y.x.b.a.test").ShouldBe("10.0.0.3");
        Find("b.a.test").ShouldBe("10.0.0.2");
        Find("c.test").ShouldBe("10.0.0.4");
        Find("test").ShouldBeNull();
        Find("xa.tes").ShouldBeNull();

        string? Find(string name) => table.Find(Encoding.ASCII.GetBytes(name))?.Addresses[0].ToString();
        static DnsTableEntry Entry(string address) => new([IPAddress.Parse(address)], TimeSpan.FromSeconds(5));
    }
}
