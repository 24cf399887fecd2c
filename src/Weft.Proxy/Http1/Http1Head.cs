using Weft.Routing.Requests;

namespace Weft.Proxy.Http1;

/// <summary>The four forms of a request target (RFC 9112 section 3.2).</summary>
public enum TargetForm : byte
{
    /// <summary>Path and query.</summary>
    Origin,

    /// <summary>A whole http or https URI.</summary>
    Absolute,

    /// <summary>Host and port, of CONNECT.</summary>
    Authority,

    /// <summary><c>*</c>, of OPTIONS.</summary>
    Asterisk,
}

/// <summary>How the end of a body is found (RFC 9112 section 6.3).</summary>
public enum BodyKind : byte
{
    None,

    /// <summary>After <see cref="Http1Head.ContentLength"/> bytes.</summary>
    Length,

    Chunked,

    /// <summary>With the connection; responses only.</summary>
    UntilClose,
}

/// <summary>What a response answers; the same bytes are framed differently after HEAD and CONNECT (RFC 9112 section 6.3).</summary>
public enum RequestKind : byte
{
    Other,
    Head,
    Connect,
}

/// <summary>
/// One message head as offsets into the buffer it was parsed from. Reusable: a connection keeps one, and a warm one allocates nothing.
/// All offsets count from the first byte given to the parser.
/// </summary>
public sealed class Http1Head
{
    internal readonly FieldList FieldList = new();
    internal LineScanner Lines;
    internal HeadStage Stage;

    /// <summary>Bytes of the whole head: the body starts here.</summary>
    public int Length { get; internal set; }

    /// <summary>0 for HTTP/1.0, 1 for HTTP/1.1. A higher minor version is read as 1 (RFC 9110 section 2.5).</summary>
    public int MinorVersion { get; internal set; }

    public int MethodStart { get; internal set; }

    public int MethodLength { get; internal set; }

    public int TargetStart { get; internal set; }

    public int TargetLength { get; internal set; }

    public TargetForm TargetForm { get; internal set; }

    /// <summary>True when an absolute target says <c>https</c>. The caller knows whether the request came over TLS and refuses what does not
    /// fit.</summary>
    public bool TargetIsHttps { get; internal set; }

    /// <summary>Offset of the authority: the absolute target's, else Host's. An absolute target wins over Host (RFC 9112 section 3.2.2).</summary>
    public int AuthorityStart { get; internal set; }

    /// <summary>0 only for HTTP/1.0 without Host.</summary>
    public int AuthorityLength { get; internal set; }

    /// <summary>The authority's parts; default when <see cref="AuthorityLength"/> is 0.</summary>
    public Authority AuthorityParts { get; internal set; }

    /// <summary>Offset of path and query within the target.</summary>
    public int PathStart { get; internal set; }

    /// <summary>0 for CONNECT and for an absolute target without path and query; such a target may also begin with <c>?</c>.</summary>
    public int PathLength { get; internal set; }

    /// <summary>Which methods change how the answer is framed.</summary>
    public RequestKind RequestKind { get; internal set; }

    /// <summary>Responses: 100 to 999; 0 for a request.</summary>
    public int Status { get; internal set; }

    public int ReasonStart { get; internal set; }

    public int ReasonLength { get; internal set; }

    public BodyKind Body { get; internal set; }

    /// <summary>
    /// The value of Content-Length, -1 without one. It frames the body only when <see cref="Body"/> is <see cref="BodyKind.Length"/>; in
    /// answers to HEAD and in 304 it tells what the body would have been.
    /// </summary>
    public long ContentLength { get; internal set; }

    /// <summary>Whether the message lets the connection live on. False also when bytes may follow that belong to no message.</summary>
    public bool KeepAlive { get; internal set; }

    /// <summary>
    /// The sender said <c>Connection: close</c>: this is its last message. Bytes behind it belong to nobody and break the protocol; bytes
    /// behind a message that did not say so only forbid using the connection again.
    /// </summary>
    public bool ConnectionClose { get; internal set; }

    /// <summary>The client waits for 100 (Continue) before it sends the body.</summary>
    public bool ExpectContinue { get; internal set; }

    /// <summary>Upgrade is present, Connection names it, and the version allows it. Which protocol: the <see cref="KnownHeader.Upgrade"/>
    /// field.</summary>
    public bool UpgradeRequested { get; internal set; }

    /// <summary>The sender accepts trailers (<c>TE: trailers</c>).</summary>
    public bool TeTrailers { get; internal set; }

    public ReadOnlySpan<HeaderField> Fields => FieldList.Span;

    public bool IsResponse => Status != 0;

    /// <summary>An answer that another follows: 1xx but 101 (RFC 9110 section 15.2).</summary>
    public bool IsInterim => Status is >= 100 and < 200 and not 101;

    /// <summary>The trailer section of the chunked body that follows; filled by <see cref="BodyReader"/>.</summary>
    public Http1Trailers Trailers { get; } = new();

    /// <summary>
    /// The one protocol that a request asks to switch to, or that a 101 has switched to; empty where there is none to honour: several are named, or a body comes first
    /// (RFC 9110 section 7.8 lets a server ignore the wish, and these are no known protocol's way).
    /// </summary>
    public ReadOnlySpan<byte> UpgradeProtocol(ReadOnlySpan<byte> buffer)
    {
        if (!UpgradeRequested || Body != BodyKind.None) return default;
        ReadOnlySpan<byte> protocol = default;
        foreach (ref readonly var field in Fields)
        {
            if (field.Known != KnownHeader.Upgrade) continue;
            if (!protocol.IsEmpty) return default;
            protocol = buffer.Slice(field.ValueStart, field.ValueLength);
        }
        return Octets.IsProtocol(protocol) ? protocol : default;
    }

    public ReadOnlySpan<byte> Method(ReadOnlySpan<byte> buffer) => buffer.Slice(MethodStart, MethodLength);

    public ReadOnlySpan<byte> Target(ReadOnlySpan<byte> buffer) => buffer.Slice(TargetStart, TargetLength);

    public ReadOnlySpan<byte> Authority(ReadOnlySpan<byte> buffer) => buffer.Slice(AuthorityStart, AuthorityLength);

    public ReadOnlySpan<byte> Path(ReadOnlySpan<byte> buffer) => buffer.Slice(PathStart, PathLength);

    public ReadOnlySpan<byte> Reason(ReadOnlySpan<byte> buffer) => buffer.Slice(ReasonStart, ReasonLength);

    /// <summary>The head as routing sees it.</summary>
    /// <param name="buffer">The bytes that were parsed.</param>
    /// <param name="normalizedPath">Result of <see cref="NormalizePath"/>, or <see cref="Path"/> when it said unchanged.</param>
    /// <param name="secure">Whether the request came over TLS that the client asked for.</param>
    public RequestHead AsRequestHead(ReadOnlySpan<byte> buffer, ReadOnlySpan<byte> normalizedPath, bool secure = false) =>
        new(Method(buffer), secure || TargetIsHttps ? "https"u8 : "http"u8, Authority(buffer), normalizedPath, buffer, Fields);

    /// <summary>
    /// The path to route, to authorize and to forward. <see cref="PathStatus.Unchanged"/>: it is <see cref="Path"/>; otherwise
    /// it is the first <paramref name="written"/> bytes of <paramref name="destination"/>, which needs <see cref="PathLength"/> + 1 bytes.
    /// </summary>
    public PathStatus NormalizePath(
        ReadOnlySpan<byte> buffer, Span<byte> destination, PathPolicy policy, out int written, out Http1Error error)
    {
        var path = Path(buffer);
        if (TargetForm is TargetForm.Asterisk or TargetForm.Authority)
        {
            written = 0;
            error = default;
            return PathStatus.Unchanged;
        }
        if (path.Length == 0 && Method(buffer).SequenceEqual("OPTIONS"u8))
            return PathNormalizer.Replace("*"u8, destination, out written, out error); // RFC 9112 section 3.2.4
        return PathNormalizer.Normalize(path, destination, policy, out written, out error);
    }

    /// <summary>Forgets a message that was not read to its end. After a complete or refused one the parser does it itself.</summary>
    public void Reset()
    {
        FieldList.Clear();
        Trailers.Clear();
        Lines = default;
        Stage = HeadStage.StartLine;
        Length = MinorVersion = MethodStart = MethodLength = TargetStart = TargetLength = 0;
        AuthorityStart = AuthorityLength = PathStart = PathLength = Status = ReasonStart = ReasonLength = 0;
        TargetForm = TargetForm.Origin;
        RequestKind = RequestKind.Other;
        AuthorityParts = default;
        Body = BodyKind.None;
        ContentLength = -1;
        TargetIsHttps = KeepAlive = ConnectionClose = ExpectContinue = UpgradeRequested = TeTrailers = false;
    }
}

internal enum HeadStage : byte
{
    /// <summary>Nothing parsed yet.</summary>
    Fresh,
    StartLine,
    Fields,
    Complete,
}
