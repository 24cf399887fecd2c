using System.Buffers.Binary;
using Weft.Proxy.Http2;

namespace Weft.Proxy.Detection;

/// <summary>
/// Tells the one kind of server that speaks first and serves HTTP all the same: an HTTP/2 server with prior knowledge sends its SETTINGS as soon as it has accepted (RFC 9113
/// section 3.4 allows it, gRPC's servers do it). Taken for a greeting, every gRPC service on an undeclared port would be bytes whenever its server is quicker than its client.
/// </summary>
internal static class ServerGreeting
{
    private const byte SettingsFrame = 4;
    private const int SettingBytes = 6;

    /// <param name="bytes">What the server has sent, from its beginning. Less than a frame's header is no frame: it comes in one piece.</param>
    public static bool IsHttp2(ReadOnlySpan<byte> bytes)
    {
        // A frame of at most 65,535 bytes, type SETTINGS, no flags, stream 0 (RFC 9113 sections 4.1 and 6.5).
        if (bytes.Length < FrameHeader.Size || bytes[0] != 0 || bytes[3] != SettingsFrame || bytes[4] != 0) return false;
        return BinaryPrimitives.ReadUInt32BigEndian(bytes[5..]) == 0 && BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]) % SettingBytes == 0;
    }
}
