using System.Text;
using Shouldly;
using Weft.Telemetry.Tracing;
using Xunit;

namespace Weft.Telemetry.Tests.Tracing;

public sealed class RequestIdTextTests
{
    [Fact]
    public void New_id_is_a_version_4_uuid_made_of_the_bits_given()
    {
        RequestIdText.Create(0x0123456789abcdef, 0x0123456789abcdef).ToString().ShouldBe("01234567-89ab-4def-8123-456789abcdef");
        RequestIdText.Create(ulong.MaxValue, ulong.MaxValue).ToString().ShouldBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
        RequestIdText.Create(1, 2).Length.ShouldBe(RequestIdText.NewLength);
    }

    [Theory]
    [InlineData("abc-123")]
    [InlineData("~")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123")]
    public void Caller_id_is_kept_as_it_came(string id)
    {
        RequestIdText.TryAccept(Encoding.ASCII.GetBytes(id), out var text).ShouldBeTrue();
        text.ToString().ShouldBe(id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    [InlineData("a\x7f")]
    [InlineData("01234567890123456789012345678901234567890123456789012345678901234")]
    public void Caller_id_that_would_spoil_a_log_is_replaced(string id)
    {
        RequestIdText.TryAccept(Encoding.Latin1.GetBytes(id), out _).ShouldBeFalse();
    }

    [Fact]
    public void Creating_allocates_nothing()
    {
        RequestIdText.Create(1, 2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var total = 0;
        for (var i = 0UL; i < 1000; i++) total += RequestIdText.Create(i, i).Span.Length;
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        total.ShouldBe(36_000);
    }
}
