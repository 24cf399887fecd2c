using System.Text;
using Shouldly;
using Weft.Routing.ForwardProxy;
using Weft.Routing.Listeners;
using Xunit;

namespace Weft.Routing.Tests.ForwardProxy;

public sealed class MeshNameTests
{
    private static readonly RouteSource.ForwardProxy Source = new("shop", ["svc.cluster.local", "svc"], TimeSpan.FromSeconds(2), Egress.Allowed);

    private static string? Key(string authority)
    {
        Span<byte> into = stackalloc byte[MeshName.MaxLength];
        return MeshName.TryWrite(Encoding.UTF8.GetBytes(authority), Source, into, out var length) ? Encoding.UTF8.GetString(into[..length]) : null;
    }

    [Theory]
    [InlineData("catalog", "catalog.shop:80")]
    [InlineData("Catalog:8080", "catalog.shop:8080")]
    [InlineData("catalog.default", "catalog.default:80")]
    [InlineData("catalog.default.svc", "catalog.default:80")]
    [InlineData("catalog.default.svc:81", "catalog.default:81")]
    [InlineData("catalog.default.SVC.cluster.local", "catalog.default:80")]
    [InlineData("catalog.default.svc.cluster.local.", "catalog.default:80")]
    [InlineData("catalog.svc", "catalog.svc:80")]
    [InlineData("v1-2.a", "v1-2.a:80")]
    public void Names_of_services_become_keys(string authority, string expected) => Key(authority).ShouldBe(expected);

    [Fact]
    public void A_port_that_is_not_written_is_the_callers_default()
    {
        Span<byte> into = stackalloc byte[MeshName.MaxLength];
        MeshName.TryWrite("catalog"u8, Source, into, out var length, defaultPort: 9090).ShouldBeTrue();
        Encoding.UTF8.GetString(into[..length]).ShouldBe("catalog.shop:9090");
        MeshName.TryWrite("catalog:80"u8, Source, into, out length, defaultPort: 9090).ShouldBeTrue();
        Encoding.UTF8.GetString(into[..length]).ShouldBe("catalog.shop:80");
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1")]
    [InlineData("10.1")]
    [InlineData("127.0.0.1:80")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData("::1")]
    [InlineData("localhost")]
    [InlineData("LOCALHOST:3000")]
    [InlineData("www.example.com")]
    [InlineData("catalog.default.svc.other")]
    [InlineData("catalog:0")]
    [InlineData("catalog:65536")]
    [InlineData("catalog:")]
    [InlineData("catalog:8a")]
    [InlineData("user@catalog")]
    [InlineData(".catalog")]
    [InlineData("catalog..")]
    [InlineData("-a")]
    [InlineData("ünïcode")]
    public void Everything_else_is_not_a_mesh_name(string authority) => Key(authority).ShouldBeNull();

    [Fact]
    public void Longest_key_fits_and_a_longer_label_is_refused()
    {
        var label = new string('a', 63);
        Key($"{label}.{label}:65535")!.Length.ShouldBe(MeshName.MaxLength);
        Key(label + "a").ShouldBeNull();
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var authority = "catalog.default.svc.cluster.local:8080"u8.ToArray();
        Span<byte> into = stackalloc byte[MeshName.MaxLength];
        MeshName.TryWrite(authority, Source, into, out _);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) MeshName.TryWrite(authority, Source, into, out _);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }
}
