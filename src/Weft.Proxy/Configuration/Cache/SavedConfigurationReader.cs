using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Google.Protobuf;
using Weft.Xds;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>Reads what <see cref="SavedConfigurationWriter"/> wrote. Nothing of a damaged file is used: the checksum is compared before the first field is believed.</summary>
internal ref struct SavedConfigurationReader
{
    private ReadOnlySpan<byte> _rest;

    private SavedConfigurationReader(ReadOnlySpan<byte> body) => _rest = body;

    /// <param name="error">What is wrong with the bytes, to follow the file's name.</param>
    public static bool TryRead(ReadOnlySpan<byte> file, [NotNullWhen(true)] out SavedConfiguration? saved, out string error)
    {
        saved = null;
        var magic = SavedConfigurationWriter.Magic;
        if (file.Length < magic.Length + 2 * sizeof(uint) || !file.StartsWith(magic)) return Fail("is no configuration cache", out error);
        var form = BinaryPrimitives.ReadUInt32LittleEndian(file[magic.Length..]);
        if (form != SavedConfigurationWriter.Form) return Fail($"has form {form}, and this build reads form {SavedConfigurationWriter.Form}", out error);
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(file[^sizeof(uint)..]);
        if (~Crc32C.Append(Crc32C.Start, file[..^sizeof(uint)]) != checksum) return Fail($"is torn or damaged: its {file.Length} bytes do not have the checksum at their end", out error);
        try
        {
            saved = new SavedConfigurationReader(file[(magic.Length + sizeof(uint))..^sizeof(uint)]).Read();
            error = "";
            return true;
        }
        catch (InvalidDataException e)
        {
            // The checksum was right: some other program wrote this.
            return Fail($"cannot be read: {e.Message}", out error);
        }
    }

    private static bool Fail(string what, out string error)
    {
        error = what;
        return false;
    }

    private SavedConfiguration Read()
    {
        var node = ByteString.CopyFrom(Bytes());
        var at = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long))), 0, 253_402_300_799_999));
        var routes = new List<string>();
        for (var left = Count(sizeof(uint)); left > 0; left--) routes.Add(Text());
        var resources = new Dictionary<XdsType, IReadOnlyList<XdsResource>>();
        for (var types = Count(2 * sizeof(uint)); types > 0; types--)
        {
            var url = Text();
            if (!XdsTypes.TryParse(url, out var type)) throw new InvalidDataException($"it holds resources of the unknown type {url}");
            var list = new List<XdsResource>();
            for (var left = Count(3 * sizeof(uint)); left > 0; left--) list.Add(new XdsResource(Text(), Text(), ByteString.CopyFrom(Bytes()))); // copied, so that the file's bytes are not held by its smallest part
            resources[type] = list;
        }
        if (!_rest.IsEmpty) throw new InvalidDataException($"{_rest.Length} bytes are left over");
        return new SavedConfiguration(node, at, routes, resources);
    }

    /// <summary>A count of things that take at least <paramref name="each"/> bytes.</summary>
    private int Count(int each)
    {
        var count = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
        return count <= _rest.Length / each ? (int)count : throw new InvalidDataException($"{count} entries cannot stand in {_rest.Length} bytes");
    }

    private string Text() => Encoding.UTF8.GetString(Bytes());

    private ReadOnlySpan<byte> Bytes()
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
        return length <= _rest.Length ? Take((int)length) : throw new InvalidDataException($"{length} bytes announced, {_rest.Length} there");
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length) throw new InvalidDataException("it ends in the middle of a field");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
