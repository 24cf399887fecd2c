namespace Weft.Proxy.Http1;

/// <summary>What becomes of <c>%2F</c> and <c>%5C</c> in a path.</summary>
public enum EscapedSlash : byte
{
    /// <summary>Stay as they are: data within a segment, as RFC 3986 section 2.2 has it.</summary>
    Keep,

    /// <summary>The request is refused.</summary>
    Reject,

    /// <summary>Become <c>/</c>, for applications that decode before they split.</summary>
    Decode,

    /// <summary>The same, and the client is sent there: whoever stands between it and the application sees the plain path then.</summary>
    Redirect,
}

/// <summary>
/// How a path is brought into the one form that is routed, authorized and forwarded.
/// Always: unreserved characters decoded, dot segments resolved, <c>%00</c> and broken escapes refused. <see cref="Base"/> is Weft's default.
/// </summary>
/// <param name="MergeSlashes">Whether runs of slashes become one. Default false: applications may tell them apart.</param>
/// <param name="EscapedSlash">Default <see cref="EscapedSlash.Keep"/>.</param>
public sealed record PathPolicy(bool MergeSlashes = false, EscapedSlash EscapedSlash = EscapedSlash.Keep)
{
    /// <summary>RFC 3986 normalisation, and backslashes become slashes.</summary>
    public static readonly PathPolicy Base = new();
}

/// <summary>What a normalisation did.</summary>
public enum PathStatus : byte
{
    /// <summary>The path is in its normal form already; nothing was written.</summary>
    Unchanged,

    /// <summary>The normal form is in the destination.</summary>
    Rewritten,

    /// <summary>The normal form is in the destination, and the client is to ask for it itself (<see cref="EscapedSlash.Redirect"/>).</summary>
    Redirected,

    /// <summary>Refused; the error says why.</summary>
    Rejected,

    /// <summary>The destination has less than the path's length + 1 bytes.</summary>
    DestinationTooSmall,
}
