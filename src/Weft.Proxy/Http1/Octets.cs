using System.Buffers;

namespace Weft.Proxy.Http1;

/// <summary>The octet classes of RFC 9110 section 5.6 and RFC 3986 section 2, as vectorised sets.</summary>
internal static class Octets
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>tchar: methods, field names, codings.</summary>
    public static readonly SearchValues<byte> Token = Set(Alphanumeric + "!#$%&'*+-.^_`|~");

    /// <summary>Octets that end a line or may not stand in one: all controls but HTAB. Searching for these finds the line's end and
    /// checks its content in the same pass.</summary>
    public static readonly SearchValues<byte> Controls = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Where(octet => octet != '\t').Select(octet => (byte)octet), 127]);

    /// <summary>
    /// What a request target may consist of: printable ASCII but <c>#</c>. Wider than the URI grammar by the delimiters that clients
    /// in the wild leave unencoded (quotes, braces, the bar, the backslash), which no reader of the request line can misread;
    /// a fragment, white space, controls and raw octets above 127 are read differently by different servers.
    /// </summary>
    public static readonly SearchValues<byte> Target = SearchValues.Create(
        [.. Enumerable.Range(33, 94).Where(octet => octet != '#').Select(octet => (byte)octet)]);

    /// <summary>What a host name consists of here: unreserved (RFC 3986 section 2.3). Percent-encoding and sub-delimiters belong to the
    /// grammar of a reg-name, but no name that resolves has them and servers disagree on what they mean.</summary>
    public static readonly SearchValues<byte> Name = Set(Alphanumeric + "-._~");

    public static readonly SearchValues<byte> Unreserved = Name;

    public static readonly SearchValues<byte> Digits = Set("0123456789");

    public static readonly SearchValues<byte> Ipv6 = Set("0123456789abcdefABCDEF:.");

    public static bool IsToken(ReadOnlySpan<byte> text) => text.Length != 0 && !text.ContainsAnyExcept(Token);

    /// <summary>One protocol of <c>Upgrade</c> or <c>:protocol</c> (RFC 9110 section 7.8): a name, perhaps a slash and a version.</summary>
    public static bool IsProtocol(ReadOnlySpan<byte> text)
    {
        var slash = text.IndexOf((byte)'/');
        return slash < 0 ? IsToken(text) : IsToken(text[..slash]) && IsToken(text[(slash + 1)..]);
    }

    /// <summary>Value of a hexadecimal digit, or -1.</summary>
    public static int Hex(byte octet) => octet switch
    {
        >= (byte)'0' and <= (byte)'9' => octet - '0',
        >= (byte)'a' and <= (byte)'f' => octet - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => octet - 'A' + 10,
        _ => -1,
    };

    /// <summary><paramref name="text"/> without the spaces and tabs around it (OWS).</summary>
    public static ReadOnlySpan<byte> TrimSpace(ReadOnlySpan<byte> text) => text.Trim(" \t"u8);

    private static SearchValues<byte> Set(string members) => SearchValues.Create(System.Text.Encoding.ASCII.GetBytes(members));
}
