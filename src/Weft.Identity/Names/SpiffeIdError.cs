namespace Weft.Identity;

/// <summary>Why a text is not a SPIFFE ID or a trust domain name: one case per rule of the SPIFFE ID specification, sections 2.1 to 2.3.</summary>
public enum SpiffeIdError
{
    /// <summary>The text is valid.</summary>
    None,

    /// <summary>Nothing was given.</summary>
    Empty,

    /// <summary>More than <see cref="SpiffeId.MaximumBytes"/> bytes.</summary>
    TooLong,

    /// <summary>A character outside ASCII.</summary>
    NotAscii,

    /// <summary>The scheme is not <c>spiffe</c>.</summary>
    Scheme,

    /// <summary>No <c>//</c> after the scheme: there is no authority.</summary>
    NoAuthority,

    /// <summary>The authority is empty.</summary>
    EmptyTrustDomain,

    /// <summary>More than <see cref="TrustDomain.MaximumBytes"/> bytes of trust domain.</summary>
    TrustDomainTooLong,

    /// <summary>The authority holds user information.</summary>
    UserInformation,

    /// <summary>The authority holds a port.</summary>
    Port,

    /// <summary>An upper-case letter in the trust domain.</summary>
    TrustDomainUpperCase,

    /// <summary>Percent-encoding in the trust domain.</summary>
    TrustDomainPercentEncoding,

    /// <summary>A character outside <c>[a-z0-9.-_]</c> in the trust domain; IPv6 literals are among these.</summary>
    TrustDomainCharacter,

    /// <summary>A query.</summary>
    Query,

    /// <summary>A fragment.</summary>
    Fragment,

    /// <summary>The path ends in a slash.</summary>
    TrailingSlash,

    /// <summary>Two slashes in a row in the path.</summary>
    EmptySegment,

    /// <summary>A path segment that is <c>.</c> or <c>..</c>.</summary>
    RelativeSegment,

    /// <summary>Percent-encoding in the path.</summary>
    PathPercentEncoding,

    /// <summary>A character outside <c>[a-zA-Z0-9.-_]</c> in a path segment.</summary>
    PathCharacter,
}

/// <summary>The sentence for each <see cref="SpiffeIdError"/>.</summary>
public static class SpiffeIdErrors
{
    /// <summary>A clause that follows "is not a SPIFFE ID: ".</summary>
    public static string Describe(this SpiffeIdError error) => error switch
    {
        SpiffeIdError.None => "it is valid",
        SpiffeIdError.Empty => "it is empty",
        SpiffeIdError.TooLong => $"it is longer than {SpiffeId.MaximumBytes} bytes",
        SpiffeIdError.NotAscii => "it holds a character outside ASCII",
        SpiffeIdError.Scheme => "the scheme must be spiffe",
        SpiffeIdError.NoAuthority => "it has no authority: spiffe:// must be followed by a trust domain",
        SpiffeIdError.EmptyTrustDomain => "the trust domain is empty",
        SpiffeIdError.TrustDomainTooLong => $"the trust domain is longer than {TrustDomain.MaximumBytes} bytes",
        SpiffeIdError.UserInformation => "user information is not allowed",
        SpiffeIdError.Port => "a port is not allowed",
        SpiffeIdError.TrustDomainUpperCase => "the trust domain must be lower case",
        SpiffeIdError.TrustDomainPercentEncoding => "percent-encoding is not allowed in the trust domain",
        SpiffeIdError.TrustDomainCharacter => "the trust domain may hold only a-z, 0-9, '.', '-' and '_'",
        SpiffeIdError.Query => "a query is not allowed",
        SpiffeIdError.Fragment => "a fragment is not allowed",
        SpiffeIdError.TrailingSlash => "the path must not end in a slash",
        SpiffeIdError.EmptySegment => "the path holds an empty segment",
        SpiffeIdError.RelativeSegment => "the path holds a relative segment ('.' or '..')",
        SpiffeIdError.PathPercentEncoding => "percent-encoding is not allowed in the path",
        SpiffeIdError.PathCharacter => "a path segment may hold only a-z, A-Z, 0-9, '.', '-' and '_'",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, null),
    };
}
