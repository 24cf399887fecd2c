using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Weft.Proxy.Tests.Names;

/// <summary>Messages put together by hand, so that tests do not read what they wrote with the code that they test.</summary>
internal static class DnsBytes
{
    public const ushort Asks = 0x0100, Answers = 0x8180;

    public static byte[] Number(int value) => [(byte)(value >> 8), (byte)value];

    public static byte[] Number32(uint value) => [.. Number((int)(value >> 16)), .. Number((int)(value & 0xFFFF))];

    public static byte[] Message(int id, int flags, int questions, int answers, int authorities, int additionals, params byte[][] parts) =>
        [.. Number(id), .. Number(flags), .. Number(questions), .. Number(answers), .. Number(authorities), .. Number(additionals), .. parts.SelectMany(p => p)];

    /// <summary><c>a.b</c> in wire form; the empty text is the root.</summary>
    public static byte[] Name(string text) => [.. text.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.Latin1.GetBytes(l)]), 0];

    public static byte[] Question(string name, int type = 1, int cls = 1) => [.. Name(name), .. Number(type), .. Number(cls)];

    public static byte[] Record(byte[] owner, int type, uint seconds, byte[] data, int cls = 1) => [.. owner, .. Number(type), .. Number(cls), .. Number32(seconds), .. Number(data.Length), .. data];

    public static byte[] Opt(int payload = 1232, int version = 0, bool signatures = false, byte[]? options = null) =>
        Record([0], 41, ((uint)version << 16) | (signatures ? 0x8000u : 0), options ?? [], payload);

    public static byte[] Soa(string zone, uint seconds, uint minimum) =>
        Record(Name(zone), 6, seconds, [.. Name("ns." + zone), .. Name("root." + zone), .. Number32(1), .. Number32(2), .. Number32(3), .. Number32(4), .. Number32(minimum)]);

    public static byte[] A(byte[] owner, uint seconds, string address) =>
        Record(owner, IPAddress.Parse(address).GetAddressBytes().Length == 4 ? 1 : 28, seconds, IPAddress.Parse(address).GetAddressBytes());

    public static byte[] PointerToQuestion => [0xC0, 12];

    public static byte[] Query(string name, int type = 1, int id = 7, int cls = 1) => Message(id, Asks, 1, 0, 0, 0, Question(name, type, cls));

    /// <summary>The whole question section of a query, and its id: what an answer repeats.</summary>
    public static (int Id, byte[] Question, string Name, int Type) Read(ReadOnlySpan<byte> query)
    {
        var at = 12;
        var labels = new List<string>();
        for (; query[at] != 0; at += query[at] + 1) labels.Add(Encoding.Latin1.GetString(query.Slice(at + 1, query[at])));
        return (BinaryPrimitives.ReadUInt16BigEndian(query), query[12..(at + 5)].ToArray(), string.Join('.', labels), BinaryPrimitives.ReadUInt16BigEndian(query[(at + 1)..]));
    }

    /// <summary>An answer to <paramref name="query"/> with so many records in each section.</summary>
    public static byte[] Reply(ReadOnlySpan<byte> query, int flags, int answers, int authorities, params byte[][] records)
    {
        var (id, question, _, _) = Read(query);
        return Message(id, flags, 1, answers, authorities, 0, [question, .. records]);
    }
}
