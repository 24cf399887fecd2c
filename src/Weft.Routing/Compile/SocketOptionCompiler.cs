using Envoy.Config.Core.V3;
using TcpKeepalive = Weft.Routing.Clusters.TcpKeepalive;

namespace Weft.Routing.Compile;

/// <summary>
/// A listener's <c>socket_options</c> (envoy.config.core.v3.SocketOption): TCP keep-alive, for which this version of the API has no field of its own. Levels and names are Linux's numbers, as with Envoy
/// on Linux. Any other option is refused by its numbers: one that was ignored would be believed to be set.
/// </summary>
internal static class SocketOptionCompiler
{
    private const long SolSocket = 1, KeepAlive = 9, Tcp = 6, Idle = 4, Interval = 5, Count = 6;

    private static readonly TcpKeepalive LinuxDefaults = new(7200, 75, 9);

    /// <param name="at">The listener.</param>
    /// <returns>Null unless SO_KEEPALIVE is switched on.</returns>
    public static TcpKeepalive? Keepalive(IReadOnlyList<SocketOption> options, FieldPath at, Compilation into)
    {
        var isOn = false;
        var keepalive = LinuxDefaults;
        for (var i = 0; i < options.Count; i++)
        {
            var (option, value) = (options[i], at.Field("socket_options", i));
            switch (option.Level, option.Name)
            {
                case (SolSocket, KeepAlive):
                    isOn = option.IntValue != 0;
                    break;
                case (Tcp, Idle):
                    keepalive = keepalive with { TimeSeconds = Number(option, 32_767, value, into) };
                    break;
                case (Tcp, Interval):
                    keepalive = keepalive with { IntervalSeconds = Number(option, 32_767, value, into) };
                    break;
                case (Tcp, Count):
                    keepalive = keepalive with { Probes = Number(option, 127, value, into) };
                    break;
                default:
                    into.Refuse(value, $"level {option.Level} name {option.Name} is not supported; TCP keep-alive is (SO_KEEPALIVE 1/9, TCP_KEEPIDLE 6/4, TCP_KEEPINTVL 6/5, TCP_KEEPCNT 6/6)");
                    break;
            }
        }
        return isOn ? keepalive : null;
    }

    private static int Number(SocketOption option, int max, FieldPath at, Compilation into)
    {
        if (option.IntValue >= 1 && option.IntValue <= max) return (int)option.IntValue;
        into.Refuse(at.Field("int_value"), $"{option.IntValue} is not from 1 to {max}");
        return max;
    }
}
