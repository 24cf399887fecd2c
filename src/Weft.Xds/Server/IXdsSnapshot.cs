namespace Weft.Xds;

/// <summary>
/// What one client may see at one moment. Immutable in content: the same question always has the same answer, but an answer may be computed
/// when it is first asked for. Versions are content hashes, so an unchanged resource has the same version in the next snapshot.
/// </summary>
public interface IXdsSnapshot
{
    /// <summary>Grows with every snapshot of one client; what <see cref="DeltaServerStream.SyncedRevision"/> is told in.</summary>
    long Revision { get; }

    /// <summary>The resource that answers a subscription to <paramref name="name"/>, under that name; null when there is none.</summary>
    XdsResource? Find(XdsType type, string name);

    /// <summary>What a wildcard subscription gets. Each of them is also found by <see cref="Find"/> under its name.</summary>
    IReadOnlyList<XdsResource> Wildcard(XdsType type);
}
