using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Weft.Routing.Protocols;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Weft.Routing.Compile;

/// <summary>How HTTP is spoken with a cluster's endpoints (typed_extension_protocol_options).</summary>
/// <param name="IdleTimeout">Infinite when off.</param>
/// <param name="MaxConnectionDuration">Infinite when off.</param>
/// <param name="MaxRequestsPerConnection">0 is unlimited.</param>
/// <param name="MaxHeadersCount">Of a response.</param>
/// <param name="PreserveCase">Field names keep their case.</param>
/// <param name="Protocol">Which protocol is spoken.</param>
/// <param name="Http2">Where HTTP/2 is.</param>
internal sealed record UpstreamHttpSettings(
    TimeSpan IdleTimeout, TimeSpan MaxConnectionDuration, int MaxRequestsPerConnection, int MaxHeadersCount, bool PreserveCase, UpstreamProtocol Protocol,
    Http2Options Http2);

internal static class UpstreamHttpCompiler
{
    private const string Key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    private static readonly MessageParser<UpstreamHttp> Parser = UpstreamHttp.Parser.WithDiscardUnknownFields(true);

    public static UpstreamHttpSettings Compile(MapField<string, Any> options, FieldPath at, Compilation into)
    {
        foreach (var (key, any) in options)
        {
            if ((key, any.TypeUrl) is not ((Key, TypeUrls.UpstreamHttpOptions) or (RetryBudgetCompiler.Key, TypeUrls.RetryBudget)))
                into.Refuse(at, $"{key} ({any.TypeUrl}) is not supported: only {Key} and {RetryBudgetCompiler.Key}");
        }
        var message = options.TryGetValue(Key, out var found) ? into.Unpack(found, Parser, at) ?? new UpstreamHttp() : null;
        var common = message?.CommonHttpProtocolOptions ?? new HttpProtocolOptions();
        var commonAt = at.Field("common_http_protocol_options");
        var (protocol, http1, http2, protocolAt) = Protocol(message, at, into);
        return new UpstreamHttpSettings(
            into.Limit(common.IdleTimeout, TimeSpan.FromHours(1), commonAt.Field("idle_timeout")),
            into.Limit(common.MaxConnectionDuration, Timeout.InfiniteTimeSpan, commonAt.Field("max_connection_duration")),
            into.Number(common.MaxRequestsPerConnection, unset: 0, min: 0, max: int.MaxValue, commonAt.Field("max_requests_per_connection")),
            into.Number(common.MaxHeadersCount, unset: 100, min: 1, max: 10_000, commonAt.Field("max_headers_count")),
            http1 is not null && HttpConnectionManagerCompiler.HeaderCase(http1, protocolAt.Field("http_protocol_options"), into),
            protocol,
            Http2Compiler.Compile(http2, protocolAt.Field("http2_protocol_options"), into));
    }

    private static (UpstreamProtocol Protocol, Http1ProtocolOptions? Http1, Http2ProtocolOptions? Http2, FieldPath At) Protocol(
        UpstreamHttp? message, FieldPath at, Compilation into)
    {
        switch (message?.UpstreamProtocolOptionsCase)
        {
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.ExplicitHttpConfig:
                var one = message.ExplicitHttpConfig; // empty means HTTP/1.1
                return (one.Http2ProtocolOptions is null ? UpstreamProtocol.Http1 : UpstreamProtocol.Http2,
                    one.HttpProtocolOptions, one.Http2ProtocolOptions, at.Field("explicit_http_config"));
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.UseDownstreamProtocolConfig:
                var both = message.UseDownstreamProtocolConfig;
                return (UpstreamProtocol.Downstream, both.HttpProtocolOptions, both.Http2ProtocolOptions, at.Field("use_downstream_protocol_config"));
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.AutoConfig:
                var auto = message.AutoConfig;
                return (UpstreamProtocol.Negotiated, auto.HttpProtocolOptions, auto.Http2ProtocolOptions, at.Field("auto_config"));
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.None:
                into.Refuse(at, "one of explicit_http_config, use_downstream_protocol_config and auto_config is needed");
                break;
        }
        return (UpstreamProtocol.Http1, null, null, at);
    }
}
