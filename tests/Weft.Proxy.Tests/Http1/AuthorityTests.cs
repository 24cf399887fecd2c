using Shouldly;
using Weft.Fuzz;
using Weft.Proxy.Http1;
using Xunit;

namespace Weft.Proxy.Tests.Http1;

/// <summary>RFC 3986 section 3.2.</summary>
public sealed class AuthorityTests
{
    [Theory]
    [InlineData("a", HostKind.Name, "a", -1)]
    [InlineData("a:", HostKind.Name, "a", -1)]
    [InlineData("Shop.test.:0", HostKind.Name, "Shop.test.", 0)]
    [InlineData("_a-b~:65535", HostKind.Name, "_a-b~", 65535)]
    [InlineData("127.0.0.1:80", HostKind.Ipv4, "127.0.0.1", 80)]
    [InlineData("255.255.255.255", HostKind.Ipv4, "255.255.255.255", -1)]
    [InlineData("256.0.0.1", HostKind.Name, "256.0.0.1", -1)]
    [InlineData("127.1", HostKind.Name, "127.1", -1)]
    [InlineData("0177.0.0.1", HostKind.Name, "0177.0.0.1", -1)]
    [InlineData("[::1]", HostKind.Ipv6, "[::1]", -1)]
    [InlineData("[::ffff:1.2.3.4]:443", HostKind.Ipv6, "[::ffff:1.2.3.4]", 443)]
    public void Parts_are_split(string text, HostKind kind, string host, int port)
    {
        var bytes = MessageStream.Bytes(text);
        Authority.TryParse(bytes, out var authority).ShouldBeTrue();
        authority.Kind.ShouldBe(kind);
        authority.Port.ShouldBe(port);
        MessageStream.Latin(authority.Host(bytes)).ShouldBe(host);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData(":80")]
    [InlineData("a:b")]
    [InlineData("a:80:80")]
    [InlineData("a:65536")]
    [InlineData("a:000080")]
    [InlineData("a:+1")]
    [InlineData("a b")]
    [InlineData("a,b")]
    [InlineData("a@b")]
    [InlineData("a/b")]
    [InlineData("a%62")]
    [InlineData("::1")]
    [InlineData("[]")]
    [InlineData("[::1")]
    [InlineData("[::1]x")]
    [InlineData("[::1].:80")]
    [InlineData("x[::1]")]
    [InlineData("[1.2.3.4]")]
    [InlineData("[::1%25eth0]")]
    [InlineData("[v1.a:b]")]
    [InlineData("[[::1]]")]
    [InlineData("[::1]:x")]
    [InlineData("[1:2:3:4:5:6:7:8:9]")]
    [InlineData("[1::2::3]")]
    [InlineData("[12345::]")]
    public void Anything_else_is_refused(string text) => Authority.TryParse(MessageStream.Bytes(text), out _).ShouldBeFalse();

    [Fact]
    public void Host_is_lowered()
    {
        var destination = new byte[4];
        Authority.TryToLower("AbC-"u8, destination).ShouldBeTrue();
        destination.ShouldBe("abc-"u8.ToArray());
        Authority.TryToLower("AbC-x"u8, destination).ShouldBeFalse();
    }
}
