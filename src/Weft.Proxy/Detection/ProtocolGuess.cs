using System.Buffers;
using Weft.Proxy.Http2;

namespace Weft.Proxy.Detection;

/// <summary>What a client's first bytes are.</summary>
internal enum ClientProtocol : byte
{
    /// <summary>Cannot be told yet.</summary>
    NeedMore,

    /// <summary>A request line of HTTP/1.0.</summary>
    Http10,

    /// <summary>A request line of HTTP/1.1, or of a later version 1.</summary>
    Http11,

    /// <summary>The connection preface of HTTP/2 with prior knowledge (RFC 9113 section 3.4).</summary>
    Http2,

    /// <summary>A TLS ClientHello (RFC 8446 section 4.1.2).</summary>
    Tls,

    /// <summary>None of these.</summary>
    Bytes,
}

/// <summary>
/// Tells what a client speaks from the bytes that have arrived so far, always from the first byte. Keeps no state and consumes nothing.
/// </summary>
/// <remarks>A method and a space are not enough for HTTP: <c>EHLO mx.example</c>, <c>GET key</c> (Redis, typed by hand) and <c>NICK bob</c> begin so too. The whole line
/// (RFC 9112 section 3) tells, and a client sends it at once; where one does not, <see cref="LooksLikeHttp"/> is the best guess that is left.</remarks>
internal static class ProtocolGuess
{
    /// <summary>A longer first word is no method. The longest registered one has 17 letters.</summary>
    private const int MaxMethodBytes = 32;

    /// <summary>A request target that is longer than this is not read to its end.</summary>
    private const int MaxTargetBytes = 8 << 10;

    /// <summary>RFC 9110 section 5.6.2.</summary>
    private static readonly SearchValues<byte> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    private static readonly SearchValues<byte> TargetEnds = SearchValues.Create([.. Enumerable.Range(0, 0x21).Select(b => (byte)b), 0x7F]);

    private static ReadOnlySpan<byte> Version1 => "HTTP/1."u8;

    /// <param name="bytes">The stream from its beginning.</param>
    public static ClientProtocol Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return ClientProtocol.NeedMore;
        var preface = FrameWriter.Preface;
        if (bytes.StartsWith(preface)) return ClientProtocol.Http2;
        if (preface.StartsWith(bytes)) return ClientProtocol.NeedMore;
        return ClientHelloPeek.Inspect(bytes, out _, out _) switch
        {
            PeekVerdict.ClientHello => ClientProtocol.Tls,
            PeekVerdict.NeedMore => ClientProtocol.NeedMore,
            _ => RequestLine(bytes),
        };
    }

    /// <summary>Of bytes that <see cref="Of"/> cannot tell, when there is no time to wait for more: a method and the beginning of a path.</summary>
    public static bool LooksLikeHttp(ReadOnlySpan<byte> bytes)
    {
        var method = bytes.IndexOfAnyExcept(Token);
        return method > 0 && bytes.Length > method + 1 && bytes[method] == ' ' && bytes[method + 1] == '/';
    }

    /// <summary>As Envoy's http_inspector names it in a filter chain match; null for what has no name there.</summary>
    public static string? ApplicationProtocol(ClientProtocol protocol) => protocol switch
    {
        ClientProtocol.Http10 => "http/1.0",
        ClientProtocol.Http11 => "http/1.1",
        ClientProtocol.Http2 => "h2c",
        _ => null,
    };

    /// <summary>Whether a chain that asks for <paramref name="name"/> may mean plaintext. TLS agrees on <c>http/1.1</c>, too.</summary>
    public static bool IsApplicationProtocol(string name) => name is "http/1.0" or "http/1.1" or "h2c";

    public static bool IsHttp(this ClientProtocol protocol) => protocol is ClientProtocol.Http10 or ClientProtocol.Http11 or ClientProtocol.Http2;

    private static ClientProtocol RequestLine(ReadOnlySpan<byte> bytes)
    {
        var method = bytes.IndexOfAnyExcept(Token);
        if (method < 0) return bytes.Length > MaxMethodBytes ? ClientProtocol.Bytes : ClientProtocol.NeedMore;
        if (method is 0 or > MaxMethodBytes || bytes[method] != ' ') return ClientProtocol.Bytes;
        var rest = bytes[(method + 1)..];
        var target = rest.IndexOfAny(TargetEnds);
        if (target is < 0 or > MaxTargetBytes) // also where its end is there: what is told must not depend on how much came at once
            return rest.Length <= MaxTargetBytes ? ClientProtocol.NeedMore : rest[0] == '/' ? ClientProtocol.Http11 : ClientProtocol.Bytes;
        if (target == 0 || rest[target] != ' ') return ClientProtocol.Bytes;
        var version = rest[(target + 1)..];
        if (version.Length <= Version1.Length) return Version1.StartsWith(version) ? ClientProtocol.NeedMore : ClientProtocol.Bytes;
        if (!version.StartsWith(Version1) || !char.IsAsciiDigit((char)version[Version1.Length])) return ClientProtocol.Bytes;
        return version[Version1.Length] == '0' ? ClientProtocol.Http10 : ClientProtocol.Http11;
    }
}
