using System.Security.Cryptography;

namespace Weft.Xds;

/// <summary>The version of a resource: a hash of its content. Equal content has an equal version on every replica of a control plane and after
/// its restart, so a client that reconnects anywhere is sent only what really differs.</summary>
public static class XdsVersion
{
    /// <summary>Characters in a version: 64 bits of SHA-256 as lower-case hex. A version is compared only with the others of one name, so a
    /// collision needs one resource to meet its own earlier hash: 2^-64 per change.</summary>
    public const int Length = 16;

    public static string Of(ReadOnlySpan<byte> body)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(body, hash);
        return Convert.ToHexStringLower(hash[..(Length / 2)]);
    }
}
