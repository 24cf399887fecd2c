using System.Buffers.Binary;

namespace Weft.Proxy.Names.Dns;

/// <summary>
/// An answer that can be given again and again: records ready to stand behind the question, whose names point at the question or at each other. It holds for
/// every client that asks the same question, since the question's length and so every position is the same for all. Immutable.
/// </summary>
internal sealed class DnsAnswer
{
    private readonly byte[] _records;
    private readonly ushort[] _lifetimes; // where the records' times to live stand

    /// <param name="rcode">Below 16.</param>
    /// <param name="isAuthentic">The resolver that was asked has verified it (AD).</param>
    /// <param name="answers">How many records of <paramref name="records"/> answer; the others stand in the authority section.</param>
    /// <param name="seconds">How long it holds; 0: for those who wait for it, and no longer.</param>
    public DnsAnswer(DnsRcode rcode, bool isAuthentic, int answers, byte[] records, ushort[] lifetimes, uint seconds)
    {
        (Rcode, IsAuthentic, Answers, _records, _lifetimes, LifetimeSeconds) = (rcode, isAuthentic, answers, records, lifetimes, seconds);
    }

    public DnsRcode Rcode { get; }

    public bool IsAuthentic { get; }

    public int Answers { get; }

    public int Authorities => _lifetimes.Length - Answers;

    public uint LifetimeSeconds { get; }

    /// <summary>Bytes of the records.</summary>
    public int Length => _records.Length;

    /// <summary>A failure, which is worth remembering for a moment too (RFC 9520 section 3.2: at least a second), or a flood of questions meets a resolver that is down.</summary>
    public static DnsAnswer Failure(uint seconds) => new(DnsRcode.ServerFailure, isAuthentic: false, 0, [], [], seconds);

    /// <summary>Copies the records, each with the time to live that is left.</summary>
    /// <param name="into">At least <see cref="Length"/> bytes.</param>
    /// <param name="ageSeconds">Since it was received, less than <see cref="LifetimeSeconds"/>.</param>
    public void CopyTo(Span<byte> into, uint ageSeconds)
    {
        _records.CopyTo(into);
        if (ageSeconds == 0) return;
        foreach (var at in _lifetimes)
        {
            var left = BinaryPrimitives.ReadUInt32BigEndian(into[at..]);
            BinaryPrimitives.WriteUInt32BigEndian(into[at..], left > ageSeconds ? left - ageSeconds : 0);
        }
    }
}
