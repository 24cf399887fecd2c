using System.Text;
using Shouldly;
using Weft.Routing.Requests;
using Xunit;

namespace Weft.Routing.Tests.Requests;

public sealed class ClientAddressTests
{
    /// <summary>Lists are separated by "|" where they stand in fields of their own; "peer" is the connection's other end.</summary>
    [Theory]
    [InlineData(true, 0, "", "peer")]
    [InlineData(true, 0, "203.0.113.128", "peer")] // an edge that trusts nobody believes no list
    [InlineData(true, 1, "203.0.113.128, 203.0.113.10", "203.0.113.10")]
    [InlineData(true, 2, "203.0.113.128, 203.0.113.10", "203.0.113.128")]
    [InlineData(true, 3, "203.0.113.128, 203.0.113.10", "peer")] // fewer than trusted: somebody did not write his part
    [InlineData(true, 1, "203.0.113.128,203.0.113.10,203.0.113.1", "203.0.113.1")]
    [InlineData(true, 2, "203.0.113.128,203.0.113.10,203.0.113.1", "203.0.113.10")]
    [InlineData(true, 1, "", "peer")]
    [InlineData(false, 0, "", "peer")]
    [InlineData(false, 0, "203.0.113.128, 203.0.113.10", "203.0.113.10")] // behind an edge: the last address is the client's
    [InlineData(false, 1, "203.0.113.128, 203.0.113.10", "203.0.113.128")]
    [InlineData(false, 2, "203.0.113.128, 203.0.113.10", "peer")]
    [InlineData(false, 0, "203.0.113.1|203.0.113.2", "203.0.113.2")]
    [InlineData(false, 1, "203.0.113.1|203.0.113.2", "203.0.113.1")]
    [InlineData(false, 2, "203.0.113.1, 203.0.113.3|203.0.113.2", "203.0.113.1")]
    [InlineData(false, 0, " \t203.0.113.9\t ", "203.0.113.9")]
    [InlineData(false, 0, "2001:db8::1", "2001:db8::1")]
    [InlineData(false, 0, "203.0.113.9, unknown", "peer")]
    [InlineData(false, 0, "203.0.113.9, 203.0.113.10:4711", "peer")]
    [InlineData(false, 0, "203.0.113.9,", "peer")]
    [InlineData(false, 1, "203.0.113.9,", "203.0.113.9")]
    [InlineData(false, 0, "not an address", "peer")]
    public void The_trusted_client_address_is_counted_from_the_right(bool edge, int hops, string lists, string expected)
    {
        var request = new TestRequest(headers: [.. lists.Split('|').Where(l => l.Length > 0).Select(l => ("X-Forwarded-For", l))]);
        var found = ClientAddress.TryFind(request.Head, edge, hops, out var address);
        (found ? Encoding.ASCII.GetString(address) : "peer").ShouldBe(expected);
    }
}
