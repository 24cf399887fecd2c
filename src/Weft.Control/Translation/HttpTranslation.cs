using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Weft.Resources;
using Filter = Envoy.Config.Listener.V3.Filter;

namespace Weft.Control.Translation;

/// <summary>The HTTP connection manager that all of Weft's listeners share, with Weft's defaults written out.</summary>
internal static class HttpTranslation
{
    /// <summary>Limit on receiving a request's head, from its first byte: a caller that trickles does not hold a connection for ever.</summary>
    private static readonly TimeSpan RequestHeadersTimeout = TimeSpan.FromSeconds(15);

    /// <summary>A connection without a request.</summary>
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromHours(1);

    /// <summary>More fields than a proxy adds to a message for the next one.</summary>
    public const int FieldsOfProxies = 16;

    /// <summary>Age at which a mesh connection drains, so that identities are proven again.</summary>
    public static readonly TimeSpan MeshConnectionAge = TimeSpan.FromHours(1);

    /// <summary>A manager without routes; the caller says where they come from.</summary>
    public static HttpConnectionManager Manager(string statPrefix, MeshDefaults defaults)
    {
        var http1 = EnvoyParts.PreserveCase;
        http1.AcceptHttp10 = true;
        return new HttpConnectionManager
        {
            CodecType = HttpConnectionManager.Types.CodecType.Auto,
            StatPrefix = statPrefix,
            CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = EnvoyParts.Time(IdleTimeout), MaxHeadersCount = (uint)defaults.MaxRequestHeaders },
            HttpProtocolOptions = http1,
            Http2ProtocolOptions = EnvoyParts.Http2,
            // The application's Server field, not the proxy's.
            ServerHeaderTransformation = HttpConnectionManager.Types.ServerHeaderTransformation.PassThrough,
            MaxRequestHeadersKb = (uint)defaults.MaxRequestHeadersKiB,
            StreamIdleTimeout = EnvoyParts.Time(defaults.StreamIdleTimeout),
            RequestHeadersTimeout = EnvoyParts.Time(RequestHeadersTimeout),
            DrainTimeout = EnvoyParts.Time(defaults.DrainTimeout),
            // Whatever the workload agrees to switch to; the star is Weft's word (docs/reference/weft-v1.md).
            UpgradeConfigs = { new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "websocket" }, new HttpConnectionManager.Types.UpgradeConfig { UpgradeType = "*" } },
            UseRemoteAddress = false,
            // One request keeps one ID over all of its hops.
            GenerateRequestId = true,
            PreserveExternalRequestId = true,
            HttpFilters = { new HttpFilter { Name = "envoy.filters.http.router", TypedConfig = EnvoyParts.Pack(new Router()) } },
        };
    }

    public static Filter AsFilter(HttpConnectionManager manager) =>
        new() { Name = "envoy.filters.network.http_connection_manager", TypedConfig = EnvoyParts.Pack(manager) };
}
