using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Weft.Xds;

namespace Weft.Proxy.Configuration.Cache;

/// <summary>Writes a <see cref="SavedConfiguration"/> in the form that <see cref="SavedConfigurationReader"/> reads. Resources go from where they are to the
/// stream through one rented buffer, so that saving a large configuration again and again makes no garbage.</summary>
/// <remarks>
/// Numbers are little-endian; text is UTF-8; "bytes" is a 32-bit length and that many bytes.
/// <code>
/// "weft-config-cache\n"   u32 form (1)
/// bytes node   i64 saved at (Unix milliseconds)   u32 count { bytes route name }
/// u32 types { bytes type URL   u32 count { bytes name   bytes version   bytes body } }
/// u32 CRC-32C of everything before
/// </code>
/// </remarks>
internal ref struct SavedConfigurationWriter
{
    /// <summary>What every such file begins with.</summary>
    public static ReadOnlySpan<byte> Magic => "weft-config-cache\n"u8;

    /// <summary>The form that this build writes, and the only one that it reads.</summary>
    public const uint Form = 1;

    private readonly Stream _to;
    private readonly byte[] _buffer;
    private int _used;
    private uint _crc = Crc32C.Start;

    private SavedConfigurationWriter(Stream to, byte[] buffer) => (_to, _buffer) = (to, buffer);

    /// <summary>Writes all of <paramref name="saved"/>; the stream need not buffer.</summary>
    public static void Write(Stream to, SavedConfiguration saved)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        try
        {
            new SavedConfigurationWriter(to, buffer).Write(saved);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Write(SavedConfiguration saved)
    {
        Raw(Magic);
        Number(Form);
        Bytes(saved.Node.Span);
        Span<byte> at = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(at, saved.SavedAt.ToUnixTimeMilliseconds());
        Raw(at);
        Number((uint)saved.RequestedRoutes.Count);
        foreach (var name in saved.RequestedRoutes) Text(name);
        Number((uint)saved.Resources.Count);
        foreach (var (type, resources) in saved.Resources)
        {
            Text(type.TypeUrl());
            Number((uint)resources.Count);
            foreach (var resource in resources)
            {
                Text(resource.Name);
                Text(resource.Version);
                Bytes(resource.Body.Span);
            }
        }
        Flush();
        Number(~_crc);
        Flush();
    }

    private void Text(string text)
    {
        Number((uint)Encoding.UTF8.GetByteCount(text));
        if (text.Length * 3 > _buffer.Length)
        {
            Raw(Encoding.UTF8.GetBytes(text));
            return;
        }
        if (text.Length * 3 > _buffer.Length - _used) Flush();
        _used += Encoding.UTF8.GetBytes(text, _buffer.AsSpan(_used));
    }

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number((uint)bytes.Length);
        Raw(bytes);
    }

    private void Number(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        Raw(bytes);
    }

    private void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_used == _buffer.Length) Flush();
            var part = Math.Min(bytes.Length, _buffer.Length - _used);
            bytes[..part].CopyTo(_buffer.AsSpan(_used));
            _used += part;
            bytes = bytes[part..];
        }
    }

    private void Flush()
    {
        _crc = Crc32C.Append(_crc, _buffer.AsSpan(0, _used));
        _to.Write(_buffer, 0, _used);
        _used = 0;
    }
}
