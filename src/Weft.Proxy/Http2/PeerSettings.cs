using System.Buffers.Binary;

namespace Weft.Proxy.Http2;

/// <summary>RFC 9113 section 6.5.2, RFC 8441 section 3.</summary>
internal enum SettingId : ushort
{
    HeaderTableSize = 1,
    EnablePush = 2,
    MaxConcurrentStreams = 3,
    InitialWindowSize = 4,
    MaxFrameSize = 5,
    MaxHeaderListSize = 6,
    EnableConnectProtocol = 8,
}

/// <summary>What the peer has announced, at first the protocol's defaults.</summary>
internal struct PeerSettings
{
    public const int DefaultWindow = 65_535, SmallestFrame = 16_384, LargestFrame = 16_777_215;

    public PeerSettings() { }

    public uint HeaderTableSize { get; private set; } = 4096;

    /// <summary>The smallest that the last SETTINGS named on its way to <see cref="HeaderTableSize"/>: a table that shrank and grew again has lost its entries.</summary>
    public uint SmallestHeaderTableSize { get; private set; } = 4096;

    public uint MaxConcurrentStreams { get; private set; } = uint.MaxValue;

    public int InitialWindow { get; private set; } = DefaultWindow;

    public int MaxFrameSize { get; private set; } = SmallestFrame;

    /// <summary>A wish, not a promise: what is longer may be refused.</summary>
    public uint MaxHeaderListSize { get; private set; } = uint.MaxValue;

    public bool EnableConnectProtocol { get; private set; }

    /// <summary>Applies a SETTINGS frame's payload, whose length is a multiple of six, in order. Unknown settings are ignored.</summary>
    /// <param name="fromServer">A server may not announce push.</param>
    /// <returns>Why the connection must end; else <see cref="Http2ErrorCode.NoError"/>.</returns>
    public Http2ErrorCode Apply(ReadOnlySpan<byte> payload, bool fromServer)
    {
        SmallestHeaderTableSize = HeaderTableSize;
        for (; payload.Length >= 6; payload = payload[6..])
        {
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            switch ((SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload))
            {
                case SettingId.HeaderTableSize:
                    HeaderTableSize = value;
                    SmallestHeaderTableSize = Math.Min(SmallestHeaderTableSize, value);
                    break;
                case SettingId.EnablePush when value > (fromServer ? 0 : 1):
                    return Http2ErrorCode.ProtocolError;
                case SettingId.MaxConcurrentStreams:
                    MaxConcurrentStreams = value;
                    break;
                case SettingId.InitialWindowSize:
                    if (value > int.MaxValue) return Http2ErrorCode.FlowControlError;
                    InitialWindow = (int)value;
                    break;
                case SettingId.MaxFrameSize:
                    if (value is < SmallestFrame or > LargestFrame) return Http2ErrorCode.ProtocolError;
                    MaxFrameSize = (int)value;
                    break;
                case SettingId.MaxHeaderListSize:
                    MaxHeaderListSize = value;
                    break;
                case SettingId.EnableConnectProtocol:
                    if (value > 1 || value == 0 && EnableConnectProtocol) return Http2ErrorCode.ProtocolError; // RFC 8441 section 3: not taken back
                    EnableConnectProtocol = value == 1;
                    break;
            }
        }
        return Http2ErrorCode.NoError;
    }
}
