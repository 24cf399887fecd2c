namespace Weft.Telemetry.Outcomes;

/// <summary>Which way a request crossed the reporting proxy, seen from the workload that the proxy serves.</summary>
public enum Direction : byte
{
    Inbound,
    Outbound,
}

/// <summary>What protected the hop between the two workloads of a request: the hop behind an outbound proxy, the hop before an inbound one.</summary>
public enum ChannelSecurity : byte
{
    None,

    /// <summary>TLS with both sides' identities verified.</summary>
    Mtls,
}

/// <summary>The two ends of a proxy at which connections exist.</summary>
public enum ConnectionSide : byte
{
    Downstream,
    Upstream,
}

/// <summary>Request methods that are told apart in records (RFC 9110 section 9.3, RFC 5789); any other token is <see cref="Other"/>, so that a
/// caller who invents methods cannot invent labels.</summary>
public enum RequestMethod : byte
{
    Other,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

/// <summary>Text forms of the vocabulary, as they stand in labels and logs.</summary>
public static class Vocabulary
{
    /// <summary>Label value of a source or destination that nobody has named.</summary>
    public const string Unknown = "unknown";

    public static string Text(this Direction direction) => direction == Direction.Inbound ? "inbound" : "outbound";

    public static string Text(this ChannelSecurity security) => security == ChannelSecurity.Mtls ? "mtls" : "none";

    public static string Text(this ConnectionSide side) => side == ConnectionSide.Downstream ? "downstream" : "upstream";

    public static string Text(this RequestMethod method) => method switch
    {
        RequestMethod.Get => "GET",
        RequestMethod.Head => "HEAD",
        RequestMethod.Post => "POST",
        RequestMethod.Put => "PUT",
        RequestMethod.Delete => "DELETE",
        RequestMethod.Connect => "CONNECT",
        RequestMethod.Options => "OPTIONS",
        RequestMethod.Trace => "TRACE",
        RequestMethod.Patch => "PATCH",
        _ => "other",
    };

    /// <summary>Reads a method token; methods are case-sensitive (RFC 9110 section 9.1).</summary>
    public static RequestMethod ParseMethod(ReadOnlySpan<byte> token) => token switch
    {
        _ when token.SequenceEqual("GET"u8) => RequestMethod.Get,
        _ when token.SequenceEqual("POST"u8) => RequestMethod.Post,
        _ when token.SequenceEqual("HEAD"u8) => RequestMethod.Head,
        _ when token.SequenceEqual("PUT"u8) => RequestMethod.Put,
        _ when token.SequenceEqual("DELETE"u8) => RequestMethod.Delete,
        _ when token.SequenceEqual("OPTIONS"u8) => RequestMethod.Options,
        _ when token.SequenceEqual("PATCH"u8) => RequestMethod.Patch,
        _ when token.SequenceEqual("CONNECT"u8) => RequestMethod.Connect,
        _ when token.SequenceEqual("TRACE"u8) => RequestMethod.Trace,
        _ => RequestMethod.Other,
    };
}
