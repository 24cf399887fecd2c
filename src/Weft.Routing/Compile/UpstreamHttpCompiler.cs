using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Weft.Routing.Compile;

/// <summary>How HTTP is spoken with a cluster's endpoints (typed_extension_protocol_options).</summary>
/// <param name="IdleTimeout">Infinite when off.</param>
/// <param name="MaxConnectionDuration">Infinite when off.</param>
/// <param name="MaxRequestsPerConnection">0 is unlimited.</param>
/// <param name="MaxHeadersCount">Of a response.</param>
/// <param name="PreserveCase">Field names keep their case.</param>
internal sealed record UpstreamHttpSettings(
    TimeSpan IdleTimeout, TimeSpan MaxConnectionDuration, int MaxRequestsPerConnection, int MaxHeadersCount, bool PreserveCase);

internal static class UpstreamHttpCompiler
{
    private const string Key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    private static readonly MessageParser<UpstreamHttp> Parser = UpstreamHttp.Parser.WithDiscardUnknownFields(true);

    public static UpstreamHttpSettings Compile(MapField<string, Any> options, FieldPath at, Compilation into)
    {
        foreach (var (key, any) in options)
        {
            if (key != Key || any.TypeUrl != TypeUrls.UpstreamHttpOptions) into.Refuse(at, $"{key} ({any.TypeUrl}) is not supported: only {Key}");
        }
        var message = options.TryGetValue(Key, out var found) ? into.Unpack(found, Parser, at) ?? new UpstreamHttp() : null;
        var common = message?.CommonHttpProtocolOptions ?? new HttpProtocolOptions();
        var commonAt = at.Field("common_http_protocol_options");
        return new UpstreamHttpSettings(
            into.Limit(common.IdleTimeout, TimeSpan.FromHours(1), commonAt.Field("idle_timeout")),
            into.Limit(common.MaxConnectionDuration, Timeout.InfiniteTimeSpan, commonAt.Field("max_connection_duration")),
            into.Number(common.MaxRequestsPerConnection, unset: 0, min: 0, max: int.MaxValue, commonAt.Field("max_requests_per_connection")),
            into.Number(common.MaxHeadersCount, unset: 100, min: 1, max: 10_000, commonAt.Field("max_headers_count")),
            message is not null && PreserveCase(message, at, into));
    }

    private static bool PreserveCase(UpstreamHttp message, FieldPath at, Compilation into)
    {
        switch (message.UpstreamProtocolOptionsCase)
        {
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.ExplicitHttpConfig:
                at = at.Field("explicit_http_config");
                if (message.ExplicitHttpConfig.HttpProtocolOptions is { } http1) return HttpConnectionManagerCompiler.HeaderCase(http1, at.Field("http_protocol_options"), into);
                return false; // HTTP/2 and HTTP/3 stand on the refused list
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.AutoConfig:
                at = at.Field("auto_config");
                return message.AutoConfig.HttpProtocolOptions is { } auto && HttpConnectionManagerCompiler.HeaderCase(auto, at.Field("http_protocol_options"), into);
            case UpstreamHttp.UpstreamProtocolOptionsOneofCase.None:
                into.Refuse(at, "one of explicit_http_config and auto_config is needed");
                return false;
            default:
                return false; // the others stand on the refused list
        }
    }
}
