namespace Weft.Routing.Requests;

/// <summary>
/// One header field as offsets into the buffer that holds its head; nothing is copied when a head is parsed.
/// </summary>
/// <param name="NameStart">Offset of the name's first byte, in the case that the peer wrote.</param>
/// <param name="NameLength">Length of the name in bytes, at least 1.</param>
/// <param name="ValueStart">Offset of the value's first byte; leading and trailing white space is outside.</param>
/// <param name="ValueLength">Length of the value in bytes, may be 0.</param>
/// <param name="Known">The field's identity when Weft treats it specially, else <see cref="KnownHeader.Other"/>.</param>
/// <param name="HopByHop">True for fields that end at this hop (RFC 9110 section 7.6.1): the fixed ones, those that
/// <c>Connection</c> names, and the framing fields, which the writer makes anew.</param>
/// <param name="NeverIndexed">True when the sender asked every hop to keep the value out of compression tables (RFC 7541 section 6.2.3).</param>
public readonly record struct HeaderField(
    int NameStart, int NameLength, int ValueStart, int ValueLength, KnownHeader Known, bool HopByHop, bool NeverIndexed = false);

/// <summary>The fields that some step of the data path asks for by identity instead of by name.</summary>
public enum KnownHeader : byte
{
    Other,
    Host,
    Connection,
    ContentLength,
    TransferEncoding,
    Te,
    Trailer,
    Upgrade,
    Http2Settings,
    Expect,
    KeepAlive,
    ProxyConnection,
    ProxyAuthenticate,
    ProxyAuthorization,
    Via,
    Date,
    Server,
    ContentType,
    RetryAfter,
    Traceparent,
    Tracestate,
    XRequestId,
    XForwardedFor,
    XForwardedProto,
    XForwardedClientCert,
    XForwardedHost,
    XEnvoyExternalAddress,
    XEnvoyInternal,
    SecWebsocketKey,
    SecWebsocketAccept,

    /// <summary>Any field whose name starts with <c>x-weft-</c>: believed only from mesh peers, stripped at boundaries.</summary>
    XWeft,
}
