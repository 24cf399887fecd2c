using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Weft.Routing.Listeners;
using ListenerFilter = Envoy.Config.Listener.V3.ListenerFilter;
using ProtoProxyProtocol = Envoy.Extensions.Filters.Listener.ProxyProtocol.V3.ProxyProtocol;

namespace Weft.Routing.Compile;

/// <summary>What a listener does with a connection before its filter chain is chosen.</summary>
/// <param name="RestoresDestination">The destination before a redirect is asked of the kernel (envoy.filters.listener.original_dst).</param>
/// <param name="ProxyProtocol">Null: no headers are read.</param>
internal readonly record struct ListenerFilters(bool RestoresDestination, ProxyProtocolFilter? ProxyProtocol);

/// <summary>The listener filters, in the one order in which they make sense: destination, PROXY header, first bytes.</summary>
internal static class ListenerFilterCompiler
{
    private static readonly MessageParser<ProtoProxyProtocol> ProxyParser = ProtoProxyProtocol.Parser.WithDiscardUnknownFields(true);
    private static readonly MessageParser<Weft.V1.ProxyProtocol> TrustParser = Weft.V1.ProxyProtocol.Parser.WithDiscardUnknownFields(true);

    public static ListenerFilters Compile(RepeatedField<ListenerFilter> filters, Compilation into)
    {
        var restores = false;
        var inspects = false;
        ProxyProtocolFilter? proxy = null;
        for (var i = 0; i < filters.Count; i++)
        {
            var filter = filters[i];
            var at = FieldPath.Root.Field("listener_filters", i);
            var configAt = at.Field("typed_config");
            switch (filter.TypedConfig?.TypeUrl)
            {
                // The proxy looks at first bytes whenever a filter chain asks for what they tell, so the inspectors are understood and add nothing.
                case TypeUrls.TlsInspector or TypeUrls.HttpInspector:
                    inspects = true;
                    break;
                case TypeUrls.OriginalDestination:
                    if (proxy is not null) into.Refuse(at, $"{filter.Name} must stand before the PROXY protocol, whose destination would be lost");
                    restores = true;
                    break;
                case TypeUrls.ProxyProtocol or TypeUrls.TrustedProxyProtocol:
                    if (proxy is not null) into.Refuse(at, $"{filter.Name} is the second filter for the PROXY protocol");
                    if (inspects) into.Refuse(at, $"{filter.Name} must stand before the inspectors, which would look at the PROXY header");
                    proxy = filter.TypedConfig.TypeUrl == TypeUrls.ProxyProtocol
                        ? Proxy(into.Unpack(filter.TypedConfig, ProxyParser, configAt), null, 4096, configAt, into)
                        : Trusted(into.Unpack(filter.TypedConfig, TrustParser, configAt), configAt, into);
                    break;
                default:
                    into.Refuse(at, $"{filter.Name} ({filter.TypedConfig?.TypeUrl ?? ""}) is not supported");
                    break;
            }
        }
        return new ListenerFilters(restores, proxy);
    }

    private static ProxyProtocolFilter? Trusted(Weft.V1.ProxyProtocol? message, FieldPath at, Compilation into) => message is null ? null : Proxy(
        message.Filter ?? new ProtoProxyProtocol(), into.Prefixes(message.TrustedSources, at, "trusted_sources"),
        into.Number(message.MaxHeaderBytes, unset: 4096, min: 108, max: 16_384, at.Field("max_header_bytes")), at.Field("filter"), into);

    private static ProxyProtocolFilter? Proxy(ProtoProxyProtocol? message, ImmutableArray<System.Net.IPNetwork>? trusted, int maxBytes, FieldPath at, Compilation into)
    {
        if (message is null) return null;
        var versions = ProxyProtocolVersions.Both;
        foreach (var version in message.DisallowedVersions)
            versions &= version == ProxyProtocolConfig.Types.Version.V1 ? ~ProxyProtocolVersions.V1 : ~ProxyProtocolVersions.V2;
        if (versions == ProxyProtocolVersions.None) into.Refuse(at.Field("disallowed_versions"), "a filter that reads no version is none");
        return new ProxyProtocolFilter(trusted, message.AllowRequestsWithoutProxyProtocol, versions, maxBytes);
    }
}
