namespace Weft.Proxy.Http2.Hpack;

/// <summary>What one decoded field block may come to. Counted before fields are copied, so a block of one-byte references to a large entry
/// costs no more than the limit.</summary>
internal sealed record HpackLimits
{
    public static readonly HpackLimits Default = new();

    /// <summary>Names, values and 32 bytes per field (RFC 9113 section 6.5.2, SETTINGS_MAX_HEADER_LIST_SIZE), in bytes. Default 61,440
    /// (60 KiB, as xDS <c>max_request_headers_kb</c>).</summary>
    public int MaxListBytes { get; init; } = 60 * 1024;

    /// <summary>Fields in one block, pseudo fields included. Default 104: the 100 of xDS <c>max_headers_count</c> and a request's four
    /// pseudo fields.</summary>
    public int MaxFields { get; init; } = 104;
}
