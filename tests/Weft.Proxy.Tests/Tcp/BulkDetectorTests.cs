using Shouldly;
using Weft.Proxy.Tcp;
using Xunit;

namespace Weft.Proxy.Tests.Tcp;

public sealed class BulkDetectorTests
{
    private const int Full = 64 << 10;

    private BulkDetector _bulk;

    private bool Copied(params ReadOnlySpan<int> blocks)
    {
        foreach (var block in blocks) _bulk.Copied(block);
        return _bulk.IsBulk;
    }

    private bool Spliced(params ReadOnlySpan<int> moves)
    {
        foreach (var move in moves) _bulk.Spliced(move);
        return _bulk.IsBulk;
    }

    [Fact]
    public void Four_large_blocks_in_succession_are_bulk()
    {
        Copied(Full, BulkDetector.LargeBlock, Full).ShouldBeFalse();
        Copied(BulkDetector.LargeBlock).ShouldBeTrue();
    }

    [Fact]
    public void A_small_block_between_large_ones_begins_the_count_anew()
    {
        for (var answer = 0; answer < 100; answer++) Copied(Full, Full, Full, 240).ShouldBeFalse("answers of 192 KiB and a bit are no bulk, however many");
        Copied(BulkDetector.LargeBlock - 1, Full, Full, Full).ShouldBeFalse();
        Copied(Full).ShouldBeTrue();
    }

    [Fact]
    public void A_read_that_found_nothing_says_nothing()
    {
        Copied(Full, 0, Full, 0, Full, 0).ShouldBeFalse();
        Copied(Full).ShouldBeTrue();
    }

    [Fact]
    public void Four_small_moves_in_succession_end_it()
    {
        Copied(Full, Full, Full, Full);
        Spliced(1, 1, BulkDetector.SmallMove - 1).ShouldBeTrue();
        Spliced(1).ShouldBeFalse();
    }

    [Fact]
    public void The_small_ends_of_large_answers_do_not_end_it()
    {
        Copied(Full, Full, Full, Full);
        for (var answer = 0; answer < 100; answer++) Spliced(250_000, 60_000, 700, 40).ShouldBeTrue();
        Spliced(BulkDetector.SmallMove, 1, 1, 1, BulkDetector.SmallMove, 1, 1, 1).ShouldBeTrue();
    }

    [Fact]
    public void What_was_bulk_can_be_bulk_again_after_as_many_large_blocks()
    {
        Copied(Full, Full, Full, Full);
        Spliced(1, 1, 1, 1).ShouldBeFalse();
        Copied(Full, Full, Full).ShouldBeFalse();
        Copied(Full).ShouldBeTrue();
        Spliced(1, 1, 1).ShouldBeTrue("its count began anew as well");
    }

    [Fact]
    public void A_direction_without_a_way_through_the_kernel_is_never_bulk()
    {
        Copied(Full, Full, Full, Full);
        _bulk.Never();
        _bulk.IsBulk.ShouldBeFalse();
        Copied(Full, Full, Full, Full, Full).ShouldBeFalse();
    }
}
