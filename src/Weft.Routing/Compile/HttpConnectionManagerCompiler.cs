using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Weft.Routing.Listeners;
using Weft.Routing.Protocols;
using Hcm = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager;
using HttpConnectionManager = Weft.Routing.Listeners.HttpConnectionManager;

namespace Weft.Routing.Compile;

/// <summary>The HTTP connection manager of a filter chain. Unset fields mean what Envoy documents.</summary>
internal static class HttpConnectionManagerCompiler
{
    public static HttpConnectionManager? Compile(Hcm message, FieldPath at, Compilation into)
    {
        if (message.CodecType is not (Hcm.Types.CodecType.Auto or Hcm.Types.CodecType.Http1 or Hcm.Types.CodecType.Http2))
            into.Refuse(at.Field("codec_type"), $"{message.CodecType} is not supported: AUTO, HTTP1 or HTTP2");
        if (message.StatPrefix.Length == 0) into.Refuse(at.Field("stat_prefix"), "a prefix is needed");
        if (message.AddUserAgent is true) into.Refuse(at.Field("add_user_agent"), "is not supported");
        if (!Values.IsFieldValue(message.ServerName)) into.Refuse(at.Field("server_name"), "a header value holds no line break and no NUL");

        var routes = Routes(message, HttpFilters(message, at, into), at, into);
        if (routes is null) return null;
        var common = message.CommonHttpProtocolOptions ?? new HttpProtocolOptions();
        var commonAt = at.Field("common_http_protocol_options");
        var http1 = message.HttpProtocolOptions ?? new Http1ProtocolOptions();
        return new HttpConnectionManager
        {
            StatPrefix = message.StatPrefix,
            Routes = routes,
            Codec = message.CodecType switch
            {
                Hcm.Types.CodecType.Http1 => HttpCodec.Http1,
                Hcm.Types.CodecType.Http2 => HttpCodec.Http2,
                _ => HttpCodec.Auto,
            },
            Http2 = Http2Compiler.Compile(message.Http2ProtocolOptions, at.Field("http2_protocol_options"), into),
            MaxRequestHeadersBytes = 1024 * into.Number(message.MaxRequestHeadersKb, unset: 60, min: 1, max: 8192, at.Field("max_request_headers_kb")),
            MaxRequestHeadersCount = into.Number(common.MaxHeadersCount, unset: 100, min: 1, max: 10_000, commonAt.Field("max_headers_count")),
            IdleTimeout = into.Limit(common.IdleTimeout, TimeSpan.FromHours(1), commonAt.Field("idle_timeout")),
            MaxConnectionDuration = into.Limit(common.MaxConnectionDuration, Timeout.InfiniteTimeSpan, commonAt.Field("max_connection_duration")),
            MaxRequestsPerConnection = into.Number(
                common.MaxRequestsPerConnection, unset: 0, min: 0, max: int.MaxValue, commonAt.Field("max_requests_per_connection")),
            StreamIdleTimeout = into.Limit(message.StreamIdleTimeout, TimeSpan.FromMinutes(5), at.Field("stream_idle_timeout")),
            RequestTimeout = into.Limit(message.RequestTimeout, Timeout.InfiniteTimeSpan, at.Field("request_timeout")),
            RequestHeadersTimeout = into.Limit(message.RequestHeadersTimeout, Timeout.InfiniteTimeSpan, at.Field("request_headers_timeout")),
            DrainTimeout = into.Time(message.DrainTimeout, TimeSpan.FromSeconds(5), at.Field("drain_timeout")),
            DelayedCloseTimeout = into.Time(message.DelayedCloseTimeout, TimeSpan.FromSeconds(1), at.Field("delayed_close_timeout")),
            UseRemoteAddress = message.UseRemoteAddress is true,
            XffNumTrustedHops = into.Number(message.XffNumTrustedHops, unset: 0, min: 0, max: 1000, at.Field("xff_num_trusted_hops")),
            SkipXffAppend = message.SkipXffAppend,
            ForwardClientCert = message.ForwardClientCertDetails switch
            {
                Hcm.Types.ForwardClientCertDetails.ForwardOnly => ClientCertForwarding.ForwardOnly,
                Hcm.Types.ForwardClientCertDetails.AppendForward => ClientCertForwarding.AppendForward,
                Hcm.Types.ForwardClientCertDetails.SanitizeSet => ClientCertForwarding.SanitizeSet,
                Hcm.Types.ForwardClientCertDetails.AlwaysForwardOnly => ClientCertForwarding.AlwaysForwardOnly,
                _ => ClientCertForwarding.Sanitize,
            },
            ClientCertDetails = Details(message.SetCurrentClientCertDetails),
            Upgrades = UpgradeCompiler.Compile(message.UpgradeConfigs, at, into),
            ServerName = message.ServerName.Length == 0 ? "envoy" : message.ServerName,
            ServerHeader = message.ServerHeaderTransformation switch
            {
                Hcm.Types.ServerHeaderTransformation.AppendIfAbsent => ServerHeaderMode.AppendIfAbsent,
                Hcm.Types.ServerHeaderTransformation.PassThrough => ServerHeaderMode.PassThrough,
                _ => ServerHeaderMode.Overwrite,
            },
            NormalizePath = message.NormalizePath is true,
            MergeSlashes = message.MergeSlashes,
            EscapedSlashes = message.PathWithEscapedSlashesAction switch
            {
                Hcm.Types.PathWithEscapedSlashesAction.RejectRequest => EscapedSlashesAction.RejectRequest,
                Hcm.Types.PathWithEscapedSlashesAction.UnescapeAndRedirect => EscapedSlashesAction.UnescapeAndRedirect,
                Hcm.Types.PathWithEscapedSlashesAction.UnescapeAndForward => EscapedSlashesAction.UnescapeAndForward,
                _ => EscapedSlashesAction.KeepUnchanged,
            },
            GenerateRequestId = message.GenerateRequestId is not false,
            PreserveExternalRequestId = message.PreserveExternalRequestId,
            AlwaysSetRequestIdInResponse = message.AlwaysSetRequestIdInResponse,
            PreserveCase = HeaderCase(http1, at.Field("http_protocol_options"), into),
            AcceptHttp10 = http1.AcceptHttp10,
            DefaultHostForHttp10 = http1.DefaultHostForHttp10,
            AllowAbsoluteUrl = http1.AllowAbsoluteUrl is not false,
        };
    }

    private static ClientCertDetails Details(Hcm.Types.SetCurrentClientCertDetails? set) => set is null ? ClientCertDetails.None
        : (set.Subject is true ? ClientCertDetails.Subject : ClientCertDetails.None)
        | (set.Uri ? ClientCertDetails.Uri : ClientCertDetails.None)
        | (set.Dns ? ClientCertDetails.Dns : ClientCertDetails.None);

    /// <summary>True when field names keep their case. Also for clusters.</summary>
    public static bool HeaderCase(Http1ProtocolOptions options, FieldPath at, Compilation into)
    {
        if (options.HeaderKeyFormat?.StatefulFormatter is not { } formatter) return false;
        if (formatter.TypedConfig?.TypeUrl == TypeUrls.PreserveCase) return true;
        into.Refuse(at.Field("header_key_format").Field("stateful_formatter"), $"{formatter.Name} is not supported: only preserve_case");
        return false;
    }

    /// <summary>The router must come last, the forward proxy or transparent interception may come before it; another filter is refused unless it calls itself optional.</summary>
    private static RouteSource? HttpFilters(Hcm message, FieldPath at, Compilation into)
    {
        RouteSource? chosen = null;
        var router = false;
        for (var i = 0; i < message.HttpFilters.Count; i++)
        {
            var filter = message.HttpFilters[i];
            var filterAt = at.Field("http_filters", i);
            var type = filter.TypedConfig?.TypeUrl ?? "";
            if (filter.Disabled) continue;
            if (router) into.Refuse(filterAt, $"{filter.Name} stands behind the router, which must be last");
            if (type == TypeUrls.Router) router = true;
            else if (type is TypeUrls.ForwardProxy or TypeUrls.Transparent)
            {
                if (chosen is not null) into.Refuse(filterAt, $"{filter.Name} is the second filter that chooses the routes");
                chosen = type == TypeUrls.ForwardProxy ? ForwardProxy(filter, filterAt, into) : Transparent(filter, filterAt, into);
            }
            else if (!filter.IsOptional) into.Refuse(filterAt, $"{filter.Name} ({type}) is not supported");
        }
        if (!router) into.Refuse(at.Field("http_filters"), "the router filter is needed as the last one");
        return chosen;
    }

    private static RouteSource.ForwardProxy? ForwardProxy(HttpFilter filter, FieldPath at, Compilation into)
    {
        at = at.Field("typed_config");
        if (into.Unpack(filter.TypedConfig, Weft.V1.ForwardProxy.Parser, at) is not { } config) return null;
        if (config.DefaultNamespace.Length == 0) into.Refuse(at.Field("default_namespace"), "a namespace is needed");
        for (var i = 0; i < config.DomainSuffixes.Count; i++)
        {
            if (config.DomainSuffixes[i].Trim('.').Length == 0) into.Refuse(at.Field("domain_suffixes", i), "a suffix is not empty");
        }
        return new RouteSource.ForwardProxy(
            config.DefaultNamespace.ToLowerInvariant(),
            [.. config.DomainSuffixes.Select(s => s.Trim('.').ToLowerInvariant()).OrderByDescending(s => s.Length)],
            into.Time(config.LookupTimeout, TimeSpan.FromSeconds(2), at.Field("lookup_timeout")), EgressOf(config.Egress, config.Policy, at, into));
    }

    private static RouteSource.Transparent? Transparent(HttpFilter filter, FieldPath at, Compilation into)
    {
        at = at.Field("typed_config");
        if (into.Unpack(filter.TypedConfig, Weft.V1.Transparent.Parser, at) is not { } config) return null;
        return new RouteSource.Transparent(
            into.Time(config.LookupTimeout, TimeSpan.FromSeconds(2), at.Field("lookup_timeout")), EgressOf(config.Egress, config.Policy, at, into),
            into.Time(config.DenialGrace, TimeSpan.FromSeconds(1), at.Field("denial_grace")),
            into.Prefixes(config.VirtualAddresses, at, "virtual_addresses"));
    }

    private static Egress EgressOf(Weft.V1.Egress egress, string policy, FieldPath at, Compilation into)
    {
        if (egress == Weft.V1.Egress.Allow) return Egress.Allowed;
        if (egress != Weft.V1.Egress.Deny) into.Refuse(at.Field("egress"), $"{egress} is neither ALLOW nor DENY");
        if (policy.Length == 0) into.Refuse(at.Field("policy"), "a denial needs the name of a policy");
        return new Egress(policy);
    }

    private static RouteSource? Routes(Hcm message, RouteSource? chosenByFilter, FieldPath at, Compilation into)
    {
        if (chosenByFilter is not null) return chosenByFilter;
        switch (message.RouteSpecifierCase)
        {
            case Hcm.RouteSpecifierOneofCase.RouteConfig:
                return RouteCompiler.Build(message.RouteConfig, at.Field("route_config"), into) is { } table ? new RouteSource.Inline(table) : null;
            case Hcm.RouteSpecifierOneofCase.Rds:
                into.Source(message.Rds.ConfigSource, at.Field("rds").Field("config_source"));
                if (message.Rds.RouteConfigName.Length == 0) into.Refuse(at.Field("rds").Field("route_config_name"), "a name is needed");
                return new RouteSource.Named(message.Rds.RouteConfigName);
            case Hcm.RouteSpecifierOneofCase.None:
                into.Refuse(at, "one of route_config and rds is needed");
                return null;
            default:
                return null; // the others stand on the refused list
        }
    }
}
