namespace Weft.Proxy.Http1;

/// <summary>The families of refusal; the caller maps them to its faults.</summary>
public enum Http1ErrorKind : byte
{
    None,

    /// <summary>400.</summary>
    BadRequest,

    /// <summary>431: the head, the trailer section or their number of fields passed a limit.</summary>
    HeaderTooLarge,

    /// <summary>414: the request line passed its limit.</summary>
    UriTooLong,

    /// <summary>505: a major version other than 1.</summary>
    VersionNotSupported,

    /// <summary>501: a transfer coding other than chunked.</summary>
    NotImplemented,

    /// <summary>502: a response that breaks the protocol; whatever follows it on the connection cannot be trusted.</summary>
    ResponseProtocol,
}

/// <summary>
/// Why a message was refused. The connection cannot be used again after one: where the next message starts is unknown.
/// </summary>
/// <param name="Kind">The family.</param>
/// <param name="Rule">One clause in plain words, a constant: making an error allocates nothing, for who sends garbage sends a lot of it.</param>
/// <param name="Limit">The limit's value when one was passed, else 0.</param>
public readonly record struct Http1Error(Http1ErrorKind Kind, string Rule, int Limit = 0)
{
    /// <summary>The sentence for a log, a status or a response body.</summary>
    public string Reason => Limit == 0 ? Rule : $"{Rule} ({Limit})";

    public override string ToString() => $"{Kind}: {Reason}";

    internal static Http1Error Bad(string rule) => new(Http1ErrorKind.BadRequest, rule);
}

/// <summary>What a parser knows after the bytes it was given.</summary>
public enum ParseStatus : byte
{
    /// <summary>Call again with the same bytes and more behind them.</summary>
    NeedMore,

    Done,

    /// <summary>Refused; the error says why.</summary>
    Invalid,
}
