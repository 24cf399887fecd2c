using System.Buffers.Text;
using System.Text;
using Weft.Proxy.Transport;
using Weft.Routing.Requests;

namespace Weft.Proxy.Pipelines;

/// <summary>
/// The two fields by which client and server of a WebSocket over HTTP/1 prove that they mean it (RFC 6455 section 4). Extended CONNECT has no use for them (RFC 8441
/// section 5): where one meets the other, the proxy is the HTTP/1 side's partner. Between Weft proxies they travel as the application wrote them.
/// </summary>
internal static class WebSocketFields
{
    /// <summary>Length of a key: 16 random bytes in base64.</summary>
    public const int KeyLength = 24;

    /// <summary>Length of the answer to a key: a SHA-1 in base64.</summary>
    public const int AcceptLength = 28;

    private static ReadOnlySpan<byte> Salt => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;

    public static bool IsWebSocket(ReadOnlySpan<byte> protocol) => Ascii.EqualsIgnoreCase(protocol, "websocket"u8);

    /// <param name="known"><see cref="KnownHeader.SecWebsocketKey"/> or <see cref="KnownHeader.SecWebsocketAccept"/>.</param>
    public static bool TryFind(ReadOnlySpan<byte> buffer, ReadOnlySpan<HeaderField> fields, KnownHeader known, out ReadOnlySpan<byte> value)
    {
        foreach (ref readonly var field in fields)
        {
            if (field.Known != known) continue;
            value = buffer.Slice(field.ValueStart, field.ValueLength);
            return true;
        }
        value = default;
        return false;
    }

    /// <summary>Writes a key out of 128 random bits. They need not be secret: the key only keeps a cache from answering instead of the server.</summary>
    public static void WriteKey(ulong random1, ulong random2, Span<byte> key)
    {
        Span<byte> bytes = stackalloc byte[16];
        BitConverter.TryWriteBytes(bytes, random1);
        BitConverter.TryWriteBytes(bytes[8..], random2);
        Base64.EncodeToUtf8(bytes, key, out _, out _);
    }

    /// <summary>Writes what a server answers to <paramref name="key"/> (RFC 6455 section 4.2.2).</summary>
    /// <param name="key">As the client sent it; at most 64 bytes, else nothing is written and the result is false.</param>
    /// <param name="accept"><see cref="AcceptLength"/> bytes.</param>
    public static bool TryWriteAccept(ReadOnlySpan<byte> key, Span<byte> accept)
    {
        if (key.Length > 64) return false;
        Span<byte> salted = stackalloc byte[64 + 36];
        key.CopyTo(salted);
        Salt.CopyTo(salted[key.Length..]);
        Span<byte> digest = stackalloc byte[20];
        OpenSslCrypto.Sha1(salted[..(key.Length + Salt.Length)], digest);
        Base64.EncodeToUtf8(digest, accept, out _, out _);
        return true;
    }
}
