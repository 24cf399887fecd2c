using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Weft.Identity;

/// <summary>What a new proxy shows instead of a certificate, once: <c>weft-join.ID.SECRET.ROOT</c>, each part base64url without padding.
/// ROOT is the SHA-256 of the root certificate's DER and pins the first connection.</summary>
public sealed class JoinToken
{
    private const string Prefix = "weft-join";
    private const int IdBytes = 16;
    private const int SecretBytes = 32;
    private const int PinBytes = 32;

    private readonly byte[] _secret;

    private JoinToken(string id, byte[] secret, byte[] rootPin)
    {
        Id = id;
        _secret = secret;
        RootPin = rootPin;
    }

    /// <summary>Finds the token in the store. Public: 128 random bits, base64url.</summary>
    public string Id { get; }

    /// <summary>SHA-256 of the root's DER, 32 bytes.</summary>
    public ReadOnlyMemory<byte> RootPin { get; }

    /// <summary>SHA-256 of the 256 bit secret: what is stored. No salt and no slow hash: the secret is random, there is no dictionary of it.</summary>
    public byte[] SecretSha256 => SHA256.HashData(_secret);

    /// <summary>The whole token. Secret: for its one bearer.</summary>
    public string Text => $"{Prefix}.{Id}.{Base64Url.EncodeToString(_secret)}.{Base64Url.EncodeToString(RootPin.Span)}";

    /// <summary>A new random token for the authority with this root pin.</summary>
    /// <param name="rootPin">32 bytes: <see cref="TrustBundle.Pin"/>.</param>
    public static JoinToken Create(ReadOnlySpan<byte> rootPin)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rootPin.Length, PinBytes, nameof(rootPin));
        var id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes));
        return new JoinToken(id, RandomNumberGenerator.GetBytes(SecretBytes), rootPin.ToArray());
    }

    /// <summary>Reads a token; white space around it is ignored. <paramref name="error"/> never repeats the secret.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out JoinToken? token, out string error)
    {
        token = null;
        var parts = (text ?? "").Trim().Split('.');
        if (parts is [""]) { error = "the join token is empty"; return false; }
        if (parts[0] != Prefix) { error = $"a join token starts with '{Prefix}.'"; return false; }
        if (parts.Length != 4) { error = $"a join token has four parts separated by dots, this has {parts.Length}: was it cut while copying?"; return false; }
        if (!TryDecode(parts[1], IdBytes, out _)) { error = $"the id of the join token is not {IdBytes} bytes of base64url"; return false; }
        if (!TryDecode(parts[2], SecretBytes, out var secret)) { error = $"the secret of the join token is not {SecretBytes} bytes of base64url"; return false; }
        if (!TryDecode(parts[3], PinBytes, out var pin)) { error = $"the root hash of the join token is not {PinBytes} bytes of base64url"; return false; }
        token = new JoinToken(parts[1], secret, pin);
        error = "";
        return true;
    }

    private static bool TryDecode(string part, int bytes, out byte[] value)
    {
        value = new byte[bytes];
        var status = Base64Url.DecodeFromUtf8(Encoding.UTF8.GetBytes(part), value, out _, out var written);
        return status == System.Buffers.OperationStatus.Done && written == bytes;
    }

    /// <summary>The id only: safe in a log.</summary>
    public override string ToString() => $"{Prefix}.{Id}.(secret)";
}
