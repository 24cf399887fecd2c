namespace Weft.Xds;

/// <summary>One response, taken apart. Finish it with <see cref="DeltaClientStream.Ack"/> or <see cref="DeltaClientStream.Nack"/>, at once or
/// when it is in use; the server sends nothing more of this type before that.</summary>
public sealed class DeltaUpdate
{
    internal DeltaUpdate(
        XdsType type, string nonce, long stream, long sequence, IReadOnlyList<XdsResource> added, IReadOnlyList<string> removed,
        IReadOnlyList<XdsRefusal> malformed) =>
        (Type, Nonce, Stream, Sequence, Added, Removed, Malformed) = (type, nonce, stream, sequence, added, removed, malformed);

    public XdsType Type { get; }

    /// <summary>The server's name for the response.</summary>
    public string Nonce { get; }

    /// <summary>New and changed resources that are subscribed to. Their bodies are not decoded.</summary>
    public IReadOnlyList<XdsResource> Added { get; }

    /// <summary>Subscribed names that do not exist, or no longer.</summary>
    public IReadOnlyList<string> Removed { get; }

    /// <summary>What was wrong in the response itself and is not among <see cref="Added"/>. Either way of finishing reports it.</summary>
    public IReadOnlyList<XdsRefusal> Malformed { get; }

    /// <summary>The stream that the response came on, counted from 1: an answer goes nowhere else. 0 for what was restored.</summary>
    internal long Stream { get; }

    /// <summary>Order of arrival, over all streams.</summary>
    internal long Sequence { get; }

    internal bool Finished { get; set; }
}

/// <summary>One resource that the client will not use, and why.</summary>
public sealed record XdsRefusal(string Name, string Message);

/// <summary>A name that the server has not answered for so long that it counts as not existing (xDS protocol, "Knowing when a requested
/// resource does not exist").</summary>
public sealed record XdsUnanswered(XdsType Type, string Name);
