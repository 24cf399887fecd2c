using System.Text;
using Shouldly;
using Weft.Telemetry.Tracing;
using Xunit;

namespace Weft.Telemetry.Tests.Tracing;

public sealed class TraceContextTests
{
    private const string Valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; // the example of the specification

    private static bool TryParse(string value, out TraceContext context) => TraceContext.TryParse(Encoding.ASCII.GetBytes(value), out context);

    private static string Write(TraceContext context)
    {
        var bytes = new byte[TraceContext.Length];
        context.Write(bytes);
        return Encoding.ASCII.GetString(bytes);
    }

    [Fact]
    public void Valid_value_reads_and_writes_the_same()
    {
        TryParse(Valid, out var context).ShouldBeTrue();
        context.Sampled.ShouldBeTrue();
        Write(context).ShouldBe(Valid);
        context.ToString().ShouldBe(Valid);
    }

    [Theory]
    [InlineData("")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ")]
    [InlineData("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")]
    [InlineData("00-00000000000000000000000000000000-00f067aa0ba902b7-01")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01")]
    [InlineData("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x")]
    [InlineData("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.extra")]
    public void Invalid_value_is_ignored(string value)
    {
        TryParse(value, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings")]
    public void Later_version_is_read_by_what_it_shares_with_ours(string value)
    {
        TryParse(value, out var context).ShouldBeTrue();
        Write(context).ShouldBe(Valid);
    }

    [Fact]
    public void Child_keeps_the_trace_and_the_decision_to_sample_and_changes_the_span()
    {
        TryParse(Valid.Replace("-01", "-ff"), out var parent).ShouldBeTrue();
        Write(parent.Child(0xabc)).ShouldBe("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000abc-01");
        TryParse(Valid.Replace("-01", "-00"), out var unsampled).ShouldBeTrue();
        unsampled.Child(1).Sampled.ShouldBeFalse();
    }

    [Fact]
    public void Ids_are_never_zero_even_if_chance_is()
    {
        TryParse(Write(TraceContext.Create(0, 0, 0, sampled: true)), out var context).ShouldBeTrue();
        TryParse(Write(context.Child(0)), out _).ShouldBeTrue();
    }

    [Fact]
    public void Parsing_and_writing_allocate_nothing()
    {
        var text = Encoding.ASCII.GetBytes(Valid);
        Span<byte> target = stackalloc byte[TraceContext.Length];
        TraceContext.TryParse(text, out _).ShouldBeTrue();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0UL; i < 1000; i++)
        {
            if (!TraceContext.TryParse(text, out var context)) break;
            context.Child(i).Write(target);
        }
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }
}
