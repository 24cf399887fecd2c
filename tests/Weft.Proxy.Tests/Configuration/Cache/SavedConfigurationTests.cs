using System.Buffers.Binary;
using Google.Protobuf;
using Shouldly;
using Weft.Proxy.Configuration.Cache;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Configuration.Cache;

public sealed class SavedConfigurationTests
{
    private static readonly SavedConfiguration Sample = Of(("käse.default:80", "v1", [1, 2, 3]), ("empty", "", []), ("large", "2", new byte[200_000]));

    private static SavedConfiguration Of(params (string Name, string Version, byte[] Body)[] routes) => new(
        ByteString.CopyFromUtf8("node"), DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_123), ["asked.default:80"],
        new Dictionary<XdsType, IReadOnlyList<XdsResource>>
        {
            [XdsType.Listener] = [],
            [XdsType.Route] = [.. routes.Select(r => new XdsResource(r.Name, r.Version, ByteString.CopyFrom(r.Body)))],
        });

    private static byte[] Bytes(SavedConfiguration saved)
    {
        var stream = new MemoryStream();
        SavedConfigurationWriter.Write(stream, saved);
        return stream.ToArray();
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        SavedConfigurationReader.TryRead(Bytes(Sample), out var read, out var error).ShouldBeTrue(error);

        read!.Node.ShouldBe(Sample.Node);
        read.SavedAt.ShouldBe(Sample.SavedAt);
        read.RequestedRoutes.ShouldBe(Sample.RequestedRoutes);
        read.Resources.Keys.ShouldBe([XdsType.Listener, XdsType.Route]);
        read.Resources[XdsType.Route].Select(r => (r.Name, r.Version, r.Body)).ShouldBe(Sample.Resources[XdsType.Route].Select(r => (r.Name, r.Version, r.Body)));
        read.Count.ShouldBe(3);
    }

    [Fact]
    public void A_file_that_ends_anywhere_before_its_end_is_refused_whole()
    {
        var bytes = Bytes(Of(("a", "1", [1, 2, 3, 4, 5])));
        for (var length = 0; length < bytes.Length; length++)
        {
            SavedConfigurationReader.TryRead(bytes.AsSpan(0, length), out var read, out var error).ShouldBeFalse();
            read.ShouldBeNull();
            error.ShouldNotBeEmpty();
        }
    }

    [Fact]
    public void Every_flipped_bit_is_found()
    {
        var bytes = Bytes(Of(("a", "1", [1, 2, 3, 4, 5])));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            SavedConfigurationReader.TryRead(bytes, out _, out _).ShouldBeFalse($"bit {bit}");
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Fact]
    public void Bytes_with_a_right_checksum_and_nonsense_inside_are_refused_and_nothing_else()
    {
        var random = new Random(7);
        var bytes = Bytes(Of(("a", "1", [1, 2, 3, 4, 5])));
        for (var round = 0; round < 20_000; round++)
        {
            var mutated = bytes.ToArray();
            for (var n = random.Next(1, 4); n > 0; n--) mutated[random.Next(22, mutated.Length - 4)] = (byte)random.Next(256);
            BinaryPrimitives.WriteUInt32LittleEndian(mutated.AsSpan(mutated.Length - 4), ~Crc32C.Append(Crc32C.Start, mutated.AsSpan(0, mutated.Length - 4)));
            if (!SavedConfigurationReader.TryRead(mutated, out _, out var error)) error.ShouldStartWith("cannot be read");
        }
    }

    [Fact]
    public void Checksum_is_that_of_RFC_3720()
    {
        var ascending = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
        (~Crc32C.Append(Crc32C.Start, ascending)).ShouldBe(0x46DD794Eu);
        (~Crc32C.Append(Crc32C.Append(Crc32C.Start, ascending.AsSpan(0, 5)), ascending.AsSpan(5))).ShouldBe(0x46DD794Eu, "in parts it is the same");
    }

    [Fact]
    public void Saving_a_large_configuration_again_and_again_makes_next_to_no_garbage()
    {
        var saved = Of([.. Enumerable.Range(0, 1000).Select(i => ($"service-{i}.default:80", "0123456789abcdef", new byte[5000]))]);
        SavedConfigurationWriter.Write(Stream.Null, saved);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) SavedConfigurationWriter.Write(Stream.Null, saved);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(100_000, "fifty megabytes were written");
    }
}
