namespace Weft.Proxy.Http1;

/// <summary>
/// What one HTTP/1.1 message may cost before its meaning is known. Every limit is checked while the bytes arrive, so an endless
/// line is refused when it passes the limit and not when memory ends. An error names the limit and its value.
/// </summary>
public sealed record Http1Limits
{
    public static readonly Http1Limits Default = new();

    /// <summary>Start line, fields and the blank line, in bytes. Default 61,440 (60 KiB, as xDS <c>max_request_headers_kb</c>).
    /// Beyond it: 431.</summary>
    public int MaxHeadBytes { get; init; } = 60 * 1024;

    /// <summary>The request line with its line end, in bytes. Default 32,768; listeners give it their whole <see cref="MaxHeadBytes"/>, because xDS knows one limit.
    /// Beyond it: 414 (RFC 9112 section 3).</summary>
    public int MaxRequestLineBytes { get; init; } = 32 * 1024;

    /// <summary>Field lines in one head, or in one trailer section. Default 100 (as xDS <c>max_headers_count</c>). Beyond it: 431.</summary>
    public int MaxFields { get; init; } = 100;

    /// <summary>A chunk's size and extensions with the line end, in bytes. Default 4,096.</summary>
    public int MaxChunkLineBytes { get; init; } = 4 * 1024;

    /// <summary>
    /// How many bytes of chunk lines a body may have beyond a fair share of 16 bytes per chunk plus twice its data, in bytes. Default 16,384.
    /// Without it a sender makes a proxy read kilobytes of extensions per byte of body (CVE-2023-39326).
    /// </summary>
    public int MaxChunkOverheadBytes { get; init; } = 16 * 1024;

    /// <summary>The trailer section with its blank line, in bytes. Default 8,192. Beyond it: 431.</summary>
    public int MaxTrailerBytes { get; init; } = 8 * 1024;
}
