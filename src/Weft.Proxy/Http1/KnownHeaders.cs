using System.Text;
using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>Names to identities: one switch on the length and the first letter, then one comparison without case.</summary>
public static class KnownHeaders
{
    public static KnownHeader Recognize(ReadOnlySpan<byte> name)
    {
        var first = name[0] | 0x20;
        if (first == 'x' && name.Length > 7 && Is(name[..7], "x-weft-"u8)) return KnownHeader.XWeft;
        return (name.Length, first) switch
        {
            (2, 't') => If(name, "te"u8, KnownHeader.Te),
            (3, 'v') => If(name, "via"u8, KnownHeader.Via),
            (4, 'h') => If(name, "host"u8, KnownHeader.Host),
            (4, 'd') => If(name, "date"u8, KnownHeader.Date),
            (6, 'e') => If(name, "expect"u8, KnownHeader.Expect),
            (6, 's') => If(name, "server"u8, KnownHeader.Server),
            (7, 't') => If(name, "trailer"u8, KnownHeader.Trailer),
            (7, 'u') => If(name, "upgrade"u8, KnownHeader.Upgrade),
            (10, 'c') => If(name, "connection"u8, KnownHeader.Connection),
            (10, 'k') => If(name, "keep-alive"u8, KnownHeader.KeepAlive),
            (10, 't') => If(name, "tracestate"u8, KnownHeader.Tracestate),
            (11, 'r') => If(name, "retry-after"u8, KnownHeader.RetryAfter),
            (11, 't') => If(name, "traceparent"u8, KnownHeader.Traceparent),
            (12, 'c') => If(name, "content-type"u8, KnownHeader.ContentType),
            (12, 'x') => If(name, "x-request-id"u8, KnownHeader.XRequestId),
            (14, 'h') => If(name, "http2-settings"u8, KnownHeader.Http2Settings),
            (14, 'c') => If(name, "content-length"u8, KnownHeader.ContentLength),
            (15, 'x') => If(name, "x-forwarded-for"u8, KnownHeader.XForwardedFor),
            (16, 'x') => Is(name, "x-forwarded-host"u8) ? KnownHeader.XForwardedHost : If(name, "x-envoy-internal"u8, KnownHeader.XEnvoyInternal),
            (16, 'p') => If(name, "proxy-connection"u8, KnownHeader.ProxyConnection),
            (17, 't') => If(name, "transfer-encoding"u8, KnownHeader.TransferEncoding),
            (17, 's') => If(name, "sec-websocket-key"u8, KnownHeader.SecWebsocketKey),
            (17, 'x') => If(name, "x-forwarded-proto"u8, KnownHeader.XForwardedProto),
            (18, 'p') => If(name, "proxy-authenticate"u8, KnownHeader.ProxyAuthenticate),
            (19, 'p') => If(name, "proxy-authorization"u8, KnownHeader.ProxyAuthorization),
            (20, 's') => If(name, "sec-websocket-accept"u8, KnownHeader.SecWebsocketAccept),
            (23, 'x') => If(name, "x-forwarded-client-cert"u8, KnownHeader.XForwardedClientCert),
            (24, 'x') => If(name, "x-envoy-external-address"u8, KnownHeader.XEnvoyExternalAddress),
            _ => KnownHeader.Other,
        };
    }

    /// <summary>Fields that are never passed on: those of RFC 9110 section 7.6.1, credentials for this proxy (RFC 9110 section 11.7), and the
    /// framing fields, which are written anew.</summary>
    public static bool EndsAtThisHop(KnownHeader known) => known is KnownHeader.Connection or KnownHeader.ContentLength
        or KnownHeader.TransferEncoding or KnownHeader.Te or KnownHeader.Upgrade or KnownHeader.Http2Settings or KnownHeader.KeepAlive or KnownHeader.ProxyConnection
        or KnownHeader.ProxyAuthenticate or KnownHeader.ProxyAuthorization;

    private static KnownHeader If(ReadOnlySpan<byte> name, ReadOnlySpan<byte> expected, KnownHeader known) =>
        Is(name, expected) ? known : KnownHeader.Other;

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower) => Ascii.EqualsIgnoreCase(name, lower);
}
