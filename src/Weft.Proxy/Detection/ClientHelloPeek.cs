using System.Buffers.Binary;
using System.Text;

namespace Weft.Proxy.Detection;

/// <summary>What the first bytes of a connection are.</summary>
internal enum PeekVerdict : byte
{
    /// <summary>Cannot be told yet.</summary>
    NeedMore,

    /// <summary>Not a well-formed TLS ClientHello.</summary>
    NotTls,

    /// <summary>A whole ClientHello.</summary>
    ClientHello,
}

/// <summary>What routing needs of a ClientHello.</summary>
/// <param name="ServerName">The SNI host name in lower case, or an empty string.</param>
/// <param name="ApplicationProtocols">The ALPN list in the client's order; empty without one.</param>
internal sealed record ClientHello(string ServerName, IReadOnlyList<string> ApplicationProtocols);

/// <summary>
/// Reads a ClientHello (RFC 8446, sections 4.1.2 and 5.1) from the bytes that have arrived so far, always from the first byte. Keeps no state and consumes nothing.
/// </summary>
internal static class ClientHelloPeek
{
    /// <summary>ContentType handshake (RFC 8446 section 5.1): the first byte of TLS.</summary>
    public const byte HandshakeRecord = 22;

    private const int RecordHeaderBytes = 5;
    private const int MaxRecordBytes = 1 << 14;
    private const int MessageHeaderBytes = 4;
    private const byte ClientHelloMessage = 1;
    private const int ServerNameExtension = 0;
    private const int AlpnExtension = 16;

    /// <param name="bytes">The stream from its beginning.</param>
    /// <param name="hello">Set on <see cref="PeekVerdict.ClientHello"/>.</param>
    /// <param name="needed">On <see cref="PeekVerdict.NeedMore"/>: how many bytes, counted from the beginning, must be there at the least before asking again makes sense.</param>
    public static PeekVerdict Inspect(ReadOnlySpan<byte> bytes, out ClientHello? hello, out int needed)
    {
        hello = null;
        var verdict = FindMessage(bytes, out var message, out needed);
        if (verdict != PeekVerdict.ClientHello) return verdict;
        return TryParse(message, out hello) ? PeekVerdict.ClientHello : PeekVerdict.NotTls;
    }

    /// <summary>Finds the body of the ClientHello, which may be spread over several records.</summary>
    private static PeekVerdict FindMessage(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> message, out int needed)
    {
        message = default;
        needed = RecordHeaderBytes + MessageHeaderBytes;
        var messageBytes = -1; // unknown
        var position = 0;
        var gathered = 0;      // payload of the records before position
        while (true)
        {
            var rest = bytes[position..];
            if (!CanBeRecord(rest)) return PeekVerdict.NotTls;
            if (rest.Length < RecordHeaderBytes)
            {
                needed = Math.Max(needed, position + RecordHeaderBytes);
                return PeekVerdict.NeedMore;
            }
            int recordBytes = BinaryPrimitives.ReadUInt16BigEndian(rest[3..]);
            var payload = rest.Slice(RecordHeaderBytes, Math.Min(recordBytes, rest.Length - RecordHeaderBytes));
            if (gathered == 0 && payload.Length > 0 && payload[0] != ClientHelloMessage) return PeekVerdict.NotTls;
            if (messageBytes < 0) messageBytes = MessageLength(bytes, payload, gathered);
            var wanted = messageBytes < 0 ? int.MaxValue : MessageHeaderBytes + messageBytes;
            if (gathered + payload.Length >= wanted)
            {
                message = gathered == 0 ? payload.Slice(MessageHeaderBytes, messageBytes) : Gather(bytes, wanted).AsSpan(MessageHeaderBytes);
                return PeekVerdict.ClientHello;
            }
            if (payload.Length < recordBytes)
            {
                var known = messageBytes < 0 ? MessageHeaderBytes : wanted;
                needed = position + RecordHeaderBytes + Math.Min(recordBytes, Math.Max(known - gathered, 1));
                return PeekVerdict.NeedMore;
            }
            gathered += recordBytes;
            position += RecordHeaderBytes + recordBytes;
            needed = position + RecordHeaderBytes + 1;
        }
    }

    /// <summary>False as soon as one byte of the record header is impossible.</summary>
    private static bool CanBeRecord(ReadOnlySpan<byte> header)
    {
        if (header.Length > 0 && header[0] != HandshakeRecord) return false;
        if (header.Length > 1 && header[1] != 3) return false;
        if (header.Length > 2 && header[2] > 4) return false;
        if (header.Length < RecordHeaderBytes) return true;
        var length = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
        return length is > 0 and <= MaxRecordBytes; // 5.1: a handshake fragment is never empty
    }

    /// <summary>The message's length, or -1 while its header is not complete.</summary>
    private static int MessageLength(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> payload, int gathered)
    {
        if (gathered + payload.Length < MessageHeaderBytes) return -1;
        var header = gathered == 0 ? payload[..MessageHeaderBytes] : Gather(bytes, MessageHeaderBytes);
        return (header[1] << 16) | (header[2] << 8) | header[3];
    }

    /// <summary>The first <paramref name="count"/> payload bytes without their record headers. Only a hello in pieces comes here.</summary>
    private static byte[] Gather(ReadOnlySpan<byte> bytes, int count)
    {
        var gathered = new byte[count];
        var filled = 0;
        while (filled < count)
        {
            int recordBytes = BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
            var take = Math.Min(recordBytes, count - filled);
            bytes.Slice(RecordHeaderBytes, take).CopyTo(gathered.AsSpan(filled));
            filled += take;
            if (filled < count) bytes = bytes[(RecordHeaderBytes + recordBytes)..];
        }
        return gathered;
    }

    private static bool TryParse(ReadOnlySpan<byte> message, out ClientHello? hello)
    {
        hello = null;
        var reader = new Reader(message);
        if (!reader.Skip(2 + 32)                                    // legacy_version, random
            || !reader.Vector8(out var sessionId) || sessionId.Length > 32
            || !reader.Vector16(out var suites) || suites.Length < 2 || suites.Length % 2 != 0
            || !reader.Vector8(out var compressions) || compressions.Length < 1)
            return false;
        var serverName = "";
        IReadOnlyList<string> protocols = [];
        if (reader.IsAtEnd)
        {
            hello = new ClientHello(serverName, protocols); // TLS 1.2 and before: extensions may be absent
            return true;
        }
        if (!reader.Vector16(out var extensions) || !reader.IsAtEnd) return false;
        var (sawServerName, sawAlpn) = (false, false);
        var rest = new Reader(extensions);
        while (!rest.IsAtEnd)
        {
            if (!rest.UInt16(out var type) || !rest.Vector16(out var body)) return false;
            switch (type)
            {
                case ServerNameExtension:
                    if (sawServerName || !TryReadServerName(body, out serverName)) return false;
                    sawServerName = true;
                    break;
                case AlpnExtension:
                    if (sawAlpn || !TryReadAlpn(body, out protocols)) return false;
                    sawAlpn = true;
                    break;
            }
        }
        hello = new ClientHello(serverName, protocols);
        return true;
    }

    /// <summary>RFC 6066, section 3: a list with at most one name of each type; host_name is type 0.</summary>
    private static bool TryReadServerName(ReadOnlySpan<byte> body, out string serverName)
    {
        serverName = "";
        var reader = new Reader(body);
        if (!reader.Vector16(out var list) || !reader.IsAtEnd || list.IsEmpty) return false;
        var names = new Reader(list);
        while (!names.IsAtEnd)
        {
            if (!names.Skip(1, out var type) || !names.Vector16(out var name) || name.IsEmpty) return false;
            if (type != 0) continue;
            if (serverName.Length > 0 || !Ascii.IsValid(name) || name.Contains((byte)0)) return false;
            serverName = Encoding.ASCII.GetString(name).ToLowerInvariant();
        }
        return true;
    }

    /// <summary>RFC 7301, section 3.1: one or more names of 1 to 255 bytes. Latin-1 keeps bytes beyond ASCII apart without failing on them.</summary>
    private static bool TryReadAlpn(ReadOnlySpan<byte> body, out IReadOnlyList<string> protocols)
    {
        var read = new List<string>();
        protocols = read;
        var reader = new Reader(body);
        if (!reader.Vector16(out var list) || !reader.IsAtEnd || list.IsEmpty) return false;
        var names = new Reader(list);
        while (!names.IsAtEnd)
        {
            if (!names.Vector8(out var name) || name.IsEmpty) return false;
            read.Add(Encoding.Latin1.GetString(name));
        }
        return true;
    }

    /// <summary>Reads length-prefixed fields; every step answers false instead of leaving its bounds.</summary>
    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public readonly bool IsAtEnd => _rest.IsEmpty;

        public bool Skip(int count)
        {
            if (_rest.Length < count) return false;
            _rest = _rest[count..];
            return true;
        }

        public bool Skip(int count, out byte first)
        {
            first = _rest.IsEmpty ? (byte)0 : _rest[0];
            return Skip(count);
        }

        public bool UInt16(out int value)
        {
            value = 0;
            if (_rest.Length < 2) return false;
            value = BinaryPrimitives.ReadUInt16BigEndian(_rest);
            _rest = _rest[2..];
            return true;
        }

        public bool Vector8(out ReadOnlySpan<byte> body)
        {
            body = default;
            return Skip(1, out var length) && Take(length, out body);
        }

        public bool Vector16(out ReadOnlySpan<byte> body)
        {
            body = default;
            return UInt16(out var length) && Take(length, out body);
        }

        private bool Take(int count, out ReadOnlySpan<byte> body)
        {
            body = default;
            if (_rest.Length < count) return false;
            body = _rest[..count];
            _rest = _rest[count..];
            return true;
        }
    }
}
