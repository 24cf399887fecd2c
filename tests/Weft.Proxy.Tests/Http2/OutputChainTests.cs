using Shouldly;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http2;
using Weft.Proxy.Transport;
using Xunit;

namespace Weft.Proxy.Tests.Http2;

public sealed class OutputChainTests
{
    [Fact]
    public void Bytes_leave_in_order_however_they_were_written_and_taken()
    {
        var random = new Random(3);
        for (var round = 0; round < 200; round++)
        {
            var pool = new BufferPool();
            var output = new OutputChain(pool);
            var channel = new MemoryChannel();
            var (written, taken) = (new List<byte>(), new List<byte>());
            for (var step = 0; step < 60; step++)
            {
                var bytes = new byte[random.Next(3) == 0 ? random.Next(1, 100_000) : random.Next(1, 300)];
                random.NextBytes(bytes);
                switch (random.Next(3))
                {
                    case 0:
                        output.Expect(bytes.Length);
                        output.Append(bytes);
                        break;
                    case 1:
                        bytes.CopyTo(output.Reserve(bytes.Length));
                        output.Commit(bytes.Length);
                        break;
                    default:
                        var half = bytes.Length / 2;
                        bytes.AsSpan(0, half).CopyTo(output.Reserve(Math.Max(1, half)));
                        var room = output.Enlarge(half, bytes.Length);
                        bytes.AsSpan(half).CopyTo(room[half..]);
                        output.Commit(bytes.Length);
                        break;
                }
                written.AddRange(bytes);
                output.Length.ShouldBe(written.Count - taken.Count);
                (channel.Room, channel.Writes) = (random.Next(1, 50_000), random.Next(0, 5));
                if (random.Next(3) == 0) output.Flush(channel);
                taken.AddRange(channel.Take());
            }
            (channel.Room, channel.Writes) = (int.MaxValue, int.MaxValue);
            output.Flush(channel).ShouldBe(IoStatus.Ok);
            taken.AddRange(channel.Take());
            taken.ShouldBe(written);
            pool.Rented.ShouldBe(0);
        }
    }

    [Fact]
    public void Flags_are_set_on_a_frame_that_waits_and_on_none_that_has_begun_to_leave()
    {
        var output = new OutputChain(new BufferPool());
        var channel = new MemoryChannel();
        var positions = new List<long>();
        for (var i = 0; i < 3; i++)
        {
            positions.Add(output.Position);
            new FrameHeader(20_000, FrameType.Data, FrameFlags.None, 1).Write(output.Reserve(FrameHeader.Size));
            output.Commit(FrameHeader.Size);
            output.Append(new byte[20_000]);
            if (i == 1) output.Expect(60_000);
        }
        (channel.Room, channel.Writes) = (5, 1); // part of the first header
        output.Flush(channel).ShouldBe(IoStatus.WouldBlock);
        output.TryAddFlags(positions[0], FrameFlags.EndStream).ShouldBeFalse();
        output.TryAddFlags(positions[1], FrameFlags.EndStream).ShouldBeTrue();
        output.TryAddFlags(positions[2], FrameFlags.EndStream).ShouldBeTrue();
        (channel.Room, channel.Writes) = (int.MaxValue, int.MaxValue);
        output.Flush(channel);
        var bytes = channel.Take();
        positions.Select(p => bytes[(int)p + 4]).ShouldBe([0, 1, 1]);
    }
}
