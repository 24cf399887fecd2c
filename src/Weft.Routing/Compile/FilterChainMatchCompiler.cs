using System.Collections.Immutable;
using Weft.Routing.Listeners;
using ProtoMatch = Envoy.Config.Listener.V3.FilterChainMatch;
using SourceType = Envoy.Config.Listener.V3.FilterChainMatch.Types.ConnectionSourceType;

namespace Weft.Routing.Compile;

/// <summary>envoy.config.listener.v3.FilterChainMatch to <see cref="FilterChainMatch"/>.</summary>
internal static class FilterChainMatchCompiler
{
    public static FilterChainMatch Compile(ProtoMatch match, FieldPath at, Compilation into)
    {
        if (match.TransportProtocol is not ("" or "tls" or "raw_buffer"))
            into.Refuse(at.Field("transport_protocol"), $"\"{match.TransportProtocol}\" is neither tls nor raw_buffer");
        for (var i = 0; i < match.ServerNames.Count; i++)
        {
            var name = match.ServerNames[i];
            var rest = name.StartsWith("*.", StringComparison.Ordinal) ? name[2..] : name;
            if (rest.Length == 0 || rest.Contains('*', StringComparison.Ordinal))
                into.Refuse(at.Field("server_names", i), $"\"{name}\" is neither a name nor *. and a name");
        }
        return new FilterChainMatch
        {
            DestinationPort = match.DestinationPort is { } port ? Port(port, at.Field("destination_port"), into) : (ushort)0,
            Destinations = into.Prefixes(match.PrefixRanges, at, "prefix_ranges"),
            ServerNames = [.. match.ServerNames.Select(n => n.ToLowerInvariant())],
            TransportProtocol = match.TransportProtocol,
            ApplicationProtocols = [.. match.ApplicationProtocols],
            DirectSources = into.Prefixes(match.DirectSourcePrefixRanges, at, "direct_source_prefix_ranges"),
            SourceType = Source(match.SourceType, at.Field("source_type"), into),
            Sources = into.Prefixes(match.SourcePrefixRanges, at, "source_prefix_ranges"),
            SourcePorts = [.. match.SourcePorts.Select((p, i) => Port(p, at.Field("source_ports", i), into))],
        };
    }

    private static ushort Port(uint port, FieldPath at, Compilation into)
    {
        if (port is > 0 and <= ushort.MaxValue) return (ushort)port;
        into.Refuse(at, $"{port} is outside 1 to 65535");
        return 0;
    }

    private static ConnectionSourceType Source(SourceType type, FieldPath at, Compilation into)
    {
        switch (type)
        {
            case SourceType.Any: return ConnectionSourceType.Any;
            case SourceType.SameIpOrLoopback: return ConnectionSourceType.SameIpOrLoopback;
            case SourceType.External: return ConnectionSourceType.External;
            default:
                into.Refuse(at, $"{type} is not a known kind of source");
                return ConnectionSourceType.Any;
        }
    }
}
