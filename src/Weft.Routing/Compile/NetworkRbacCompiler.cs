using Google.Protobuf;
using Weft.Routing.Access;
using Filter = Envoy.Config.Listener.V3.Filter;
using ProtoRbac = Envoy.Extensions.Filters.Network.Rbac.V3.RBAC;

namespace Weft.Routing.Compile;

/// <summary>The network filter envoy.filters.network.rbac. Both enforcement types are served, and mean the same here: see <see cref="NetworkRbac"/>.</summary>
internal static class NetworkRbacCompiler
{
    private static readonly MessageParser<ProtoRbac> Parser = ProtoRbac.Parser.WithDiscardUnknownFields(true);

    /// <param name="filter">A filter of type <see cref="TypeUrls.NetworkRbac"/>.</param>
    /// <param name="at">Of the filter.</param>
    /// <param name="into">Takes what is refused.</param>
    public static NetworkRbac? Compile(Filter filter, FieldPath at, Compilation into)
    {
        at = at.Field("typed_config");
        if (into.Unpack(filter.TypedConfig, Parser, at) is not { } message) return null;
        if (message.StatPrefix.Length == 0) into.Refuse(at.Field("stat_prefix"), "a prefix is needed");
        if (message.EnforcementType is not (ProtoRbac.Types.EnforcementType.OneTimeOnFirstByte or ProtoRbac.Types.EnforcementType.Continuous))
            into.Refuse(at.Field("enforcement_type"), $"{(int)message.EnforcementType} is neither ONE_TIME_ON_FIRST_BYTE nor CONTINUOUS");
        return new NetworkRbac(
            message.StatPrefix,
            message.Rules is { } rules ? AccessCompiler.Compile(rules, at.Field("rules"), into) : null,
            message.ShadowRules is { } shadow ? AccessCompiler.Compile(shadow, at.Field("shadow_rules"), into) : null);
    }
}
