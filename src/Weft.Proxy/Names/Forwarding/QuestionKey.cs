using System.Buffers.Binary;
using Weft.Proxy.Names.Dns;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>What makes two questions one: name without regard to case, type, and the wishes that change an answer (DO and CD).</summary>
internal static class QuestionKey
{
    public const int MaxLength = DnsName.MaxLength + 3;

    private const byte Signatures = 1, CheckingDisabled = 2;

    /// <param name="lowerName">Wire form.</param>
    /// <param name="into">At least <see cref="MaxLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(ReadOnlySpan<byte> lowerName, in DnsQuery query, Span<byte> into)
    {
        lowerName.CopyTo(into);
        BinaryPrimitives.WriteUInt16BigEndian(into[lowerName.Length..], query.Type);
        into[lowerName.Length + 2] = (byte)((query.WantsSignatures ? Signatures : 0) | (query.Header.Has(DnsHeader.CheckingDisabled) ? CheckingDisabled : 0));
        return lowerName.Length + 3;
    }
}
