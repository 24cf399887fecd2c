using System.Text;
using Google.Protobuf.Collections;
using Weft.Routing.Upgrades;
using ManagerUpgrade = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.UpgradeConfig;
using RouteUpgrade = Envoy.Config.Route.V3.RouteAction.Types.UpgradeConfig;

namespace Weft.Routing.Compile;

/// <summary>The <c>upgrade_configs</c> of a connection manager or a route. Unset <c>enabled</c> means yes.</summary>
internal static class UpgradeCompiler
{
    public static UpgradePolicy Compile(RepeatedField<ManagerUpgrade> configs, FieldPath at, Compilation into) =>
        Compile(configs, c => (c.UpgradeType, c.Enabled is not false), at, into);

    public static UpgradePolicy Compile(RepeatedField<RouteUpgrade> configs, FieldPath at, Compilation into)
    {
        for (var i = 0; i < configs.Count; i++)
        {
            if (configs[i].ConnectConfig is not null) into.Refuse(at.Field("upgrade_configs", i).Field("connect_config"), "is for a route with connect_matcher alone");
        }
        return Compile(configs, c => (c.UpgradeType, c.Enabled is not false), at, into);
    }

    private static UpgradePolicy Compile<T>(RepeatedField<T> configs, Func<T, (string Type, bool Enabled)> read, FieldPath at, Compilation into)
    {
        if (configs.Count == 0) return UpgradePolicy.Silent;
        var types = new List<(string Type, bool Enabled)>(configs.Count);
        for (var i = 0; i < configs.Count; i++)
        {
            var (type, enabled) = read(configs[i]);
            var typeAt = at.Field("upgrade_configs", i).Field("upgrade_type");
            if (!IsProtocol(type)) into.Refuse(typeAt, $"\"{type}\" is not the name of a protocol");
            else if (types.Exists(t => t.Type.Equals(type, StringComparison.OrdinalIgnoreCase))) into.Refuse(typeAt, $"\"{type}\" is configured twice");
            else if (enabled && type.Equals("CONNECT", StringComparison.OrdinalIgnoreCase)) into.Refuse(typeAt, "CONNECT is not supported here: the forward proxy serves it by itself");
            else if (enabled && UpgradePolicy.CarriesRequests(Encoding.ASCII.GetBytes(type))) into.Refuse(typeAt, $"\"{type}\" would carry requests past routes and access rules");
            else types.Add((type, enabled));
        }
        return new UpgradePolicy(types);
    }

    /// <summary>RFC 9110 section 7.8: a token, or two with a slash between. <c>*</c> is a token too.</summary>
    private static bool IsProtocol(string type)
    {
        var slash = type.IndexOf('/');
        return slash < 0 ? Values.IsToken(type) : Values.IsToken(type[..slash]) && Values.IsToken(type[(slash + 1)..]);
    }
}
