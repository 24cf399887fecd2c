using Weft.Routing.Listeners;

namespace Weft.Proxy.ProxyProtocol;

/// <summary>
/// Reads the header that a proxy in front writes before a connection's own bytes. Sans-IO: it looks at what has come so far, from the connection's first byte, and consumes nothing.
/// </summary>
/// <remarks>The two versions cannot be confused with each other, nor with HTTP, TLS or SSH: each begins with bytes that begin none of them (section 2.2). What is decided stays decided,
/// whatever follows.</remarks>
internal static class ProxyHeaderReader
{
    /// <param name="bytes">What has come so far.</param>
    /// <param name="versions">Versions that are looked for; a header of another is <see cref="ProxyHeaderStatus.Absent"/>.</param>
    /// <param name="maxBytes">A longer header is malformed.</param>
    /// <param name="header">The header, when it is valid.</param>
    /// <param name="needed">With <see cref="ProxyHeaderStatus.NeedMore"/>: how many bytes must be there before anything new can be told, more than are there.</param>
    /// <param name="reason">With <see cref="ProxyHeaderStatus.Malformed"/>: one clause for people.</param>
    public static ProxyHeaderStatus Read(ReadOnlySpan<byte> bytes, ProxyProtocolVersions versions, int maxBytes, out ProxyHeader header, out int needed, out string reason)
    {
        header = default;
        reason = "";
        needed = bytes.Length + 1;
        if (versions.HasFlag(ProxyProtocolVersions.V2) && Begins(bytes, ProxyHeaderV2.Signature, out var whole))
            return whole ? ProxyHeaderV2.Read(bytes, maxBytes, out header, out needed, out reason) : ProxyHeaderStatus.NeedMore;
        if (versions.HasFlag(ProxyProtocolVersions.V1) && Begins(bytes, ProxyHeaderV1.Signature, out whole))
            return whole ? ProxyHeaderV1.Read(bytes, out header, out reason) : ProxyHeaderStatus.NeedMore;
        return bytes.IsEmpty ? ProxyHeaderStatus.NeedMore : ProxyHeaderStatus.Absent;
    }

    /// <summary>What is there is the signature or its beginning.</summary>
    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> signature, out bool whole)
    {
        whole = bytes.Length >= signature.Length;
        return whole ? bytes.StartsWith(signature) : signature.StartsWith(bytes);
    }
}
