using Shouldly;
using Weft.Proxy.Buffers;
using Xunit;

namespace Weft.Proxy.Tests.Buffers;

public sealed class ByteBufferTests
{
    private readonly BufferPool _pool = new();

    [Fact]
    public void Bytes_come_out_as_they_went_in_over_random_operations()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var buffer = _pool.Rent();
            var model = new Queue<byte>();
            byte next = 0;
            for (var step = 0; step < 300; step++)
            {
                switch (random.Next(4))
                {
                    case 0:
                        if (buffer.Writable.IsEmpty && !buffer.Grow(256 << 10)) break;
                        var count = random.Next(Math.Min(buffer.Writable.Length, 9000) + 1);
                        for (var i = 0; i < count; i++) model.Enqueue(buffer.Writable[i] = next++);
                        buffer.Advance(count);
                        break;
                    case 1:
                        count = random.Next(buffer.Length + 1);
                        for (var i = 0; i < count; i++) buffer.Readable[i].ShouldBe(model.Dequeue());
                        buffer.Consume(count);
                        break;
                    case 2:
                        buffer.Compact();
                        break;
                    default:
                        var bytes = new byte[random.Next(5000)];
                        Array.Fill(bytes, (byte)(step + 1));
                        var free = buffer.Capacity - buffer.Length;
                        buffer.TryAppend(bytes).ShouldBe(bytes.Length <= free);
                        if (bytes.Length <= free) foreach (var b in bytes) model.Enqueue(b);
                        break;
                }
                buffer.Length.ShouldBe(model.Count);
            }
            buffer.Readable.ToArray().ShouldBe(model.ToArray());
            _pool.Return(buffer);
        }
        _pool.Rented.ShouldBe(0);
    }

    [Fact]
    public void Growing_doubles_up_to_the_limit_and_says_when_it_is_reached()
    {
        var buffer = _pool.Rent();
        foreach (var expected in new[] { 32 << 10, 64 << 10 })
        {
            buffer.Advance(buffer.Writable.Length);
            buffer.Grow(64 << 10).ShouldBeTrue();
            buffer.Capacity.ShouldBe(expected);
        }
        buffer.Advance(buffer.Writable.Length);
        buffer.Grow(64 << 10).ShouldBeFalse();
        buffer.Consume(1);
        buffer.Grow(64 << 10).ShouldBeTrue("a consumed byte is room after compacting");
        buffer.Writable.Length.ShouldBe(1);
    }

    [Fact]
    public void A_returned_buffer_cannot_be_used_or_returned_again()
    {
        var buffer = _pool.Rent();
        _pool.Return(buffer);
        Should.Throw<InvalidOperationException>(() => buffer.Readable.Length);
        Should.Throw<InvalidOperationException>(() => _pool.Return(buffer));
        Should.Throw<InvalidOperationException>(() => _pool.Return(new BufferPool().Rent()));
    }

    [Fact]
    public void Advancing_or_consuming_past_the_end_throws()
    {
        var buffer = _pool.Rent();
        Should.Throw<ArgumentOutOfRangeException>(() => buffer.Advance(buffer.Capacity + 1));
        Should.Throw<ArgumentOutOfRangeException>(() => buffer.Advance(-1));
        Should.Throw<ArgumentOutOfRangeException>(() => buffer.Consume(1));
    }

    [Fact]
    public void Renting_and_growing_allocate_nothing_once_warm()
    {
        void Cycle()
        {
            var buffer = _pool.Rent();
            buffer.Advance(buffer.Capacity);
            buffer.Grow(1 << 20);
            _pool.Return(buffer);
        }

        Cycle();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) Cycle();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void The_shelves_keep_no_more_than_the_setting_allows()
    {
        var pool = new BufferPool(new BufferSettings { MaxIdleBytes = 40_000 });
        var rented = Enumerable.Range(0, 5).Select(_ => pool.Rent()).ToList();
        rented.ForEach(pool.Return);
        pool.IdleBytes.ShouldBe(2 * BufferPool.BlockBytes);
        Should.Throw<ArgumentOutOfRangeException>(() => pool.Rent(BufferPool.LargestBlockBytes + 1));
    }
}
