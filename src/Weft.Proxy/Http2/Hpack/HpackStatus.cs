namespace Weft.Proxy.Http2.Hpack;

/// <summary>What became of a field block.</summary>
internal enum HpackStatus : byte
{
    Ok,

    /// <summary>The block passed <see cref="HpackLimits.MaxListBytes"/> or <see cref="HpackLimits.MaxFields"/>. It was read to its end, so the
    /// dynamic table is right and the connection lives on; its fields were dropped. An error of the stream.</summary>
    TooLarge,

    /// <summary>The block cannot be decoded. An error of the connection, COMPRESSION_ERROR: what later blocks refer to is unknown
    /// (RFC 9113 section 4.3).</summary>
    Error,
}
