using System.Buffers.Text;
using System.Text;

namespace Weft.Proxy.Upstream;

/// <summary>The <c>Keep-Alive</c> field of a response (RFC 2068 section 19.7.1.1; servers still send it): <c>timeout=5, max=100</c>.</summary>
internal static class KeepAliveField
{
    /// <summary>Seconds that the server keeps the connection when it is idle; false when the field does not say.</summary>
    public static bool TryTimeout(ReadOnlySpan<byte> value, out int seconds)
    {
        foreach (var range in value.Split((byte)','))
        {
            var parameter = value[range].Trim((byte)' ');
            if (parameter.Length < 9 || !Ascii.EqualsIgnoreCase(parameter[..8], "timeout="u8)) continue;
            if (Utf8Parser.TryParse(parameter[8..], out seconds, out var length) && length == parameter.Length - 8 && seconds >= 0) return true;
        }
        seconds = 0;
        return false;
    }
}
