namespace Weft.Routing.Protocols;

/// <summary>Which protocol clients speak (envoy HttpConnectionManager.codec_type).</summary>
public enum HttpCodec : byte
{
    /// <summary>What ALPN agreed on; without it, HTTP/2 when the connection begins with its preface, else HTTP/1.</summary>
    Auto,
    Http1,

    /// <summary>A client that begins otherwise is a connection error.</summary>
    Http2,
}

/// <summary>Which protocol a cluster's endpoints are spoken to in (envoy.extensions.upstreams.http.v3.HttpProtocolOptions.upstream_protocol_options).
/// An ALPN protocol that TLS has agreed on goes before all but an explicit choice.</summary>
public enum UpstreamProtocol : byte
{
    /// <summary><c>explicit_http_config.http_protocol_options</c>, and the default: HTTP/1.1.</summary>
    Http1,

    /// <summary><c>explicit_http_config.http2_protocol_options</c>: HTTP/2; with prior knowledge where there is no TLS.</summary>
    Http2,

    /// <summary><c>use_downstream_protocol_config</c>: as the application sent the request.</summary>
    Downstream,

    /// <summary><c>auto_config</c>: the highest that TLS agrees on, HTTP/1.1 when it agrees on nothing. Every transport of the cluster is TLS.</summary>
    Negotiated,
}
