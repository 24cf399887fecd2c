using System.Buffers;
using System.Net;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Routing.Compile;

/// <summary>The kinds of value that occur in every resource, checked.</summary>
internal static class Values
{
    /// <summary>RFC 9110 section 5.6.2.</summary>
    private static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>An unset duration is <paramref name="unset"/>; zero, where that means "off", is <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    public static TimeSpan Limit(this Compilation into, Duration? value, TimeSpan unset, FieldPath at)
    {
        var time = into.Time(value, unset, at);
        return time == TimeSpan.Zero ? Timeout.InfiniteTimeSpan : time;
    }

    /// <summary>An unset duration is <paramref name="unset"/>; a negative or impossible one is refused. At most 24 days, what a timer can hold.</summary>
    public static TimeSpan Time(this Compilation into, Duration? value, TimeSpan unset, FieldPath at)
    {
        if (value is null) return unset;
        if (value.Seconds < 0 || value.Nanos is < 0 or > 999_999_999)
        {
            into.Refuse(at, $"{value.Seconds} s and {value.Nanos} ns is not a duration of zero or more");
            return unset;
        }
        // Beyond what a timer can hold nobody can tell the difference.
        if (value.Seconds > int.MaxValue / 1000) return TimeSpan.FromMilliseconds(int.MaxValue);
        return TimeSpan.FromSeconds(value.Seconds) + TimeSpan.FromTicks((value.Nanos + 99) / 100); // 1 ns is not "off"
    }

    /// <summary>An unset number is <paramref name="unset"/>.</summary>
    public static int Number(this Compilation into, uint? value, int unset, int min, int max, FieldPath at)
    {
        if (value is null) return unset;
        if (value >= min && value <= max) return (int)value;
        into.Refuse(at, $"{value} is outside {min} to {max}");
        return unset;
    }

    /// <param name="orUdp">The protocol may be UDP as well.</param>
    public static IPEndPoint? SocketAddress(this Compilation into, Address? address, FieldPath at, bool orUdp = false)
    {
        if (address?.SocketAddress is not { } socket)
        {
            into.Refuse(at, "a socket_address is needed");
            return null;
        }
        at = at.Field("socket_address");
        if (!orUdp && socket.Protocol != Envoy.Config.Core.V3.SocketAddress.Types.Protocol.Tcp) into.Refuse(at.Field("protocol"), "only TCP is supported");
        if (socket.PortSpecifierCase != Envoy.Config.Core.V3.SocketAddress.PortSpecifierOneofCase.PortValue) into.Refuse(at.Field("port_value"), "a port is needed");
        if (socket.PortValue > ushort.MaxValue) into.Refuse(at.Field("port_value"), $"{socket.PortValue} is outside 0 to 65535");
        if (!IPAddress.TryParse(socket.Address, out var ip)) into.Refuse(at.Field("address"), $"\"{socket.Address}\" is not an IP address");
        return ip is null || socket.PortValue > ushort.MaxValue ? null : new IPEndPoint(ip, (int)socket.PortValue);
    }

    /// <summary>A configuration source must be the ADS stream; unset means resources that are there already.</summary>
    public static void Source(this Compilation into, ConfigSource? source, FieldPath at)
    {
        if (source is null || source.ConfigSourceSpecifierCase is ConfigSource.ConfigSourceSpecifierOneofCase.Ads or ConfigSource.ConfigSourceSpecifierOneofCase.Self)
            return;
        into.Refuse(at, "only ads is supported as a source");
    }

    public static bool IsToken(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExcept(Token);

    /// <summary>RFC 9110 section 5.5: what could end a line inside a field value.</summary>
    public static bool IsFieldValue(string text) => !text.AsSpan().ContainsAny('\r', '\n', '\0');
}
