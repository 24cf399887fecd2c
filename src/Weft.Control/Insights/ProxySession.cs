using System.Collections.Immutable;
using Weft.Control.Translation;
using Weft.Resources;
using Weft.Xds;

namespace Weft.Control.Insights;

/// <summary>A refusal that stands, with the resources that it is about.</summary>
public sealed record ProxyRefusal(XdsType Type, string Name, string Message, ImmutableArray<ResourceKey> Origins);

/// <summary>What is known of one proxy. Immutable.</summary>
/// <param name="Node">What it said of itself.</param>
/// <param name="UserAgent">Its program, as it named it.</param>
/// <param name="UserAgentVersion">Its version; empty when it told none.</param>
/// <param name="Address">Where its connection comes from.</param>
/// <param name="Connected">False after its stream ended.</param>
/// <param name="Since">When it connected or, if it has gone, when it went.</param>
/// <param name="SyncedRevision">Newest revision of which it has acknowledged everything it asked for; null while there is none.</param>
/// <param name="Refusals">What it refuses.</param>
public sealed record ProxyStatus(
    NodeInfo Node, string UserAgent, string UserAgentVersion, string Address, bool Connected, DateTimeOffset Since, long? SyncedRevision,
    ImmutableArray<ProxyRefusal> Refusals);

/// <summary>One open stream's report to the <see cref="ProxyRegistry"/>. Disposing it says that the stream ended.</summary>
public sealed class ProxySession : IDisposable
{
    private readonly ProxyRegistry _registry;
    private ProxyStatus _status;

    internal ProxySession(ProxyRegistry registry, long id, ProxyStatus status) => (_registry, Id, _status) = (registry, id, status);

    internal long Id { get; }

    /// <summary>Says where the stream stands; others are told only when that is news.</summary>
    public void Report(DeltaServerStream stream, NodeSnapshot snapshot)
    {
        var nacks = stream.Nacks;
        var next = _status with
        {
            SyncedRevision = stream.SyncedRevision,
            Refusals = Same(nacks) ? _status.Refusals : [.. nacks.Select(n => new ProxyRefusal(n.Type, n.Name, n.Message, snapshot.Origins(n.Type, n.Name)))],
        };
        if (next == _status) return;
        _status = next;
        _registry.Report(this, next);
    }

    public void Dispose() => _registry.Close(this, _status);

    private bool Same(IReadOnlyList<XdsNack> nacks) =>
        nacks.Count == _status.Refusals.Length && nacks.Zip(_status.Refusals).All(p => (p.First.Type, p.First.Name, p.First.Message) == (p.Second.Type, p.Second.Name, p.Second.Message));
}
