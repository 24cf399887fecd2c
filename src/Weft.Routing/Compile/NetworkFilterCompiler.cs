using System.Collections.Immutable;
using Google.Protobuf;
using Weft.Routing.Access;
using Weft.Routing.Listeners;
using Weft.Routing.Tcp;
using ProtoChain = Envoy.Config.Listener.V3.FilterChain;
using ProtoHcm = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager;
using ProtoTcp = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy;

namespace Weft.Routing.Compile;

/// <summary>What the filters of a chain make of its connections; parts are null or empty as in <see cref="FilterChain"/>.</summary>
internal readonly record struct NetworkFilters(HttpConnectionManager? Http, ByteRoute? Bytes, ImmutableArray<NetworkRbac> Access, ProtocolDetection? Detection);

/// <summary>The network filters of a chain: rules of access, then the filter that takes the connection; or both that do, and what finds out which.</summary>
internal static class NetworkFilterCompiler
{
    private static readonly MessageParser<ProtoHcm> HcmParser = ProtoHcm.Parser.WithDiscardUnknownFields(true);
    private static readonly MessageParser<ProtoTcp> TcpParser = ProtoTcp.Parser.WithDiscardUnknownFields(true);

    /// <param name="chain">Whose filters.</param>
    /// <param name="at">Of the chain.</param>
    /// <param name="into">Takes what is refused.</param>
    public static NetworkFilters Compile(ProtoChain chain, FieldPath at, Compilation into)
    {
        var access = ImmutableArray.CreateBuilder<NetworkRbac>();
        HttpConnectionManager? http = null;
        ByteRoute? bytes = null;
        ProtocolDetection? detection = null;
        var (takers, detects) = (0, false);
        for (var i = 0; i < chain.Filters.Count; i++)
        {
            var filter = chain.Filters[i];
            var filterAt = at.Field("filters", i);
            var configAt = filterAt.Field("typed_config");
            switch (filter.TypedConfig?.TypeUrl)
            {
                case TypeUrls.NetworkRbac when takers > 0:
                    into.Refuse(filterAt, $"{filter.Name} stands behind the filter that takes the connection, and would never be asked");
                    break;
                case TypeUrls.NetworkRbac:
                    if (NetworkRbacCompiler.Compile(filter, filterAt, into) is { } rbac) access.Add(rbac);
                    break;
                case TypeUrls.Detect:
                    detects = true;
                    detection = DetectCompiler.Compile(filter, filterAt, into);
                    break;
                case TypeUrls.HttpConnectionManager:
                    takers++;
                    http = into.Unpack(filter.TypedConfig, HcmParser, configAt) is { } manager ? HttpConnectionManagerCompiler.Compile(manager, configAt, into) : null;
                    break;
                case TypeUrls.TcpProxy:
                    takers++;
                    bytes = into.Unpack(filter.TypedConfig, TcpParser, configAt) is { } proxy ? ByteRouteCompiler.Compile(proxy, configAt, into) : null;
                    break;
                default:
                    into.Refuse(filterAt, $"{filter.Name} ({filter.TypedConfig?.TypeUrl ?? ""}) is not supported");
                    break;
            }
        }
        if (detects && takers != 2) into.Refuse(at.Field("filters"), "weft.v1.detect needs both the HTTP connection manager and the TCP proxy, to find out which of them a connection is for");
        else if (!detects && takers != 1) into.Refuse(at.Field("filters"), $"exactly one filter must take the connection, the HTTP connection manager or the TCP proxy (both only with weft.v1.detect); found {takers}");
        return new NetworkFilters(http, bytes, access.ToImmutable(), detection);
    }
}
