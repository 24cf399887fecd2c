using Weft.Routing.Protocols;
using Weft.Routing.Upgrades;

namespace Weft.Routing.Listeners;

/// <summary>
/// How HTTP is spoken with the clients of a filter chain (envoy…http_connection_manager.v3.HttpConnectionManager). Immutable.
/// Time limits are <see cref="Timeout.InfiniteTimeSpan"/> when switched off.
/// </summary>
public sealed class HttpConnectionManager
{
    public required string StatPrefix { get; init; }

    public required RouteSource Routes { get; init; }

    /// <summary>Default <see cref="HttpCodec.Auto"/>.</summary>
    public HttpCodec Codec { get; init; }

    /// <summary>How HTTP/2 is spoken with clients that speak it.</summary>
    public Http2Options Http2 { get; init; } = Http2Options.Default;

    /// <summary>Limit on a request's head in bytes. Default 60 KiB, at most 8 MiB; over it: 431.</summary>
    public int MaxRequestHeadersBytes { get; init; } = 60 * 1024;

    /// <summary>Limit on the number of header fields of a request. Default 100; over it: 431.</summary>
    public int MaxRequestHeadersCount { get; init; } = 100;

    /// <summary>A connection without a request is closed after this. Default 1 h.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>A connection drains after this age. Default unlimited.</summary>
    public TimeSpan MaxConnectionDuration { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Limit on requests per connection; 0 is unlimited (the default).</summary>
    public int MaxRequestsPerConnection { get; init; }

    /// <summary>A request without a byte in either direction ends after this, unless its route says otherwise. Default 5 min.</summary>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Limit on receiving one whole request. Default unlimited.</summary>
    public TimeSpan RequestTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Limit on receiving a request's head, from its first byte. Default unlimited.</summary>
    public TimeSpan RequestHeadersTimeout { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Between the drain notice and the end of a connection. Default 5 s.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection that the proxy has ended lingers for the client's FIN; zero closes at once. Default 1 s.</summary>
    public TimeSpan DelayedCloseTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>True at an edge: the peer's address is the client's, and X-Forwarded-For is extended by it. Default false.</summary>
    public bool UseRemoteAddress { get; init; }

    /// <summary>Proxies in front of this one whose X-Forwarded-For is believed. Default 0.</summary>
    public int XffNumTrustedHops { get; init; }

    /// <summary>At an edge X-Forwarded-For goes on as it came. Default false.</summary>
    public bool SkipXffAppend { get; init; }

    /// <summary>What becomes of <c>x-forwarded-client-cert</c>. Default: removed.</summary>
    public ClientCertForwarding ForwardClientCert { get; init; }

    /// <summary>What is told of the client's certificate beside its hash and who received it, where <see cref="ForwardClientCert"/> tells anything.</summary>
    public ClientCertDetails ClientCertDetails { get; init; }

    /// <summary>Which protocols requests may switch to.</summary>
    public UpgradePolicy Upgrades { get; init; } = UpgradePolicy.Silent;

    /// <summary>Value of the response's <c>Server</c> field, used as <see cref="ServerHeader"/> says. Default <c>envoy</c>.</summary>
    public string ServerName { get; init; } = "envoy";

    /// <summary>What happens to the upstream's <c>Server</c> field.</summary>
    public ServerHeaderMode ServerHeader { get; init; }

    /// <summary>RFC 3986 section 5.2.4 and percent-decoding of unreserved characters before matching. Default false.</summary>
    public bool NormalizePath { get; init; }

    /// <summary>Adjacent slashes of the path count as one. Default false.</summary>
    public bool MergeSlashes { get; init; }

    public EscapedSlashesAction EscapedSlashes { get; init; }

    /// <summary>Makes an <c>x-request-id</c> where there is none. Default true.</summary>
    public bool GenerateRequestId { get; init; } = true;

    /// <summary>Believes an <c>x-request-id</c> from outside. Default false.</summary>
    public bool PreserveExternalRequestId { get; init; }

    /// <summary>Every response carries the request's <c>x-request-id</c>. Default false.</summary>
    public bool AlwaysSetRequestIdInResponse { get; init; }

    /// <summary>HTTP/1 field names go out in the case that they came in with; otherwise in lower case.</summary>
    public bool PreserveCase { get; init; }

    /// <summary>HTTP/1.0 is served; otherwise it is answered 426. Default false.</summary>
    public bool AcceptHttp10 { get; init; }

    /// <summary>Host given to HTTP/1.0 requests that have none; empty refuses them.</summary>
    public string DefaultHostForHttp10 { get; init; } = "";

    /// <summary>The absolute form of request targets is served. Default true.</summary>
    public bool AllowAbsoluteUrl { get; init; } = true;
}

/// <summary>envoy HttpConnectionManager.ServerHeaderTransformation.</summary>
public enum ServerHeaderMode : byte
{
    Overwrite,
    AppendIfAbsent,
    PassThrough,
}

/// <summary>envoy HttpConnectionManager.ForwardClientCertDetails: what becomes of <c>x-forwarded-client-cert</c>. But for <see cref="AlwaysForwardOnly"/> a connection without
/// a verified client certificate never passes the field on.</summary>
public enum ClientCertForwarding : byte
{
    /// <summary>Removed.</summary>
    Sanitize,

    /// <summary>As it came.</summary>
    ForwardOnly,

    /// <summary>As it came, with this client's certificate behind it.</summary>
    AppendForward,

    /// <summary>This client's certificate alone.</summary>
    SanitizeSet,

    /// <summary>As it came, also without mutual TLS.</summary>
    AlwaysForwardOnly,
}

/// <summary>envoy HttpConnectionManager.SetCurrentClientCertDetails.</summary>
[Flags]
public enum ClientCertDetails : byte
{
    None = 0,
    Subject = 1,
    Uri = 2,
    Dns = 4,
}

/// <summary>envoy HttpConnectionManager.PathWithEscapedSlashesAction: what happens to <c>%2F</c> and <c>%5C</c> in a path.</summary>
public enum EscapedSlashesAction : byte
{
    KeepUnchanged,
    RejectRequest,
    UnescapeAndRedirect,
    UnescapeAndForward,
}
