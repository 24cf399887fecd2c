using System.Collections.Concurrent;
using System.Collections.Immutable;
using Weft.Control.Model;
using Weft.Resources;
using Weft.Xds;
using Entry = Weft.Control.Translation.TranslationCache.Entry;

namespace Weft.Control.Translation;

/// <summary>What one node may see of the mesh at one revision. Its listeners are made with it; everything else when it is first asked for, and then
/// the answer stays.</summary>
public sealed class NodeSnapshot : IXdsSnapshot
{
    private readonly Translator _translator;
    private readonly MeshModel _model;
    private readonly string _roots;
    private readonly NodeSurroundings _surroundings;
    private readonly ImmutableArray<Entry> _listeners;
    private readonly XdsResource[] _listenerResources;
    private readonly ConcurrentDictionary<(XdsType Type, string Name), Entry?> _answers = new();

    internal NodeSnapshot(Translator translator, MeshModel model, NodeInfo node, string roots, NodeSnapshot? previous)
    {
        _translator = translator;
        _model = model;
        _roots = roots;
        Node = node;
        _surroundings = NodeSurroundings.Of(model, node);
        var same = previous is not null && ReferenceEquals(previous._model.Settings, model.Settings) && previous.Node == node && previous._surroundings.Same(_surroundings);
        _listeners = same ? previous!._listeners : translator.Listeners(model, node, _surroundings, previous?._listeners ?? []);
        _listenerResources = same ? previous!._listenerResources : [.. _listeners.Select(l => l.Resource).OfType<XdsResource>()];
    }

    public NodeInfo Node { get; }

    /// <inheritdoc/>
    public long Revision => _model.Revision;

    /// <summary>The node's own listeners whose newest version Weft's compiler refused.</summary>
    public IReadOnlyList<TranslationProblem> Problems => [.. _listeners.Select(l => l.Problem).OfType<TranslationProblem>()];

    /// <inheritdoc/>
    public XdsResource? Find(XdsType type, string name) => Answer(type, name)?.Resource;

    /// <summary>A node's own listeners; of no other type does a Weft proxy ask for everything, because it holds only what it calls.</summary>
    public IReadOnlyList<XdsResource> Wildcard(XdsType type) => type == XdsType.Listener ? _listenerResources : [];

    /// <summary>The resources that caused the xDS resource of that name, the most telling first; where a refusal of it is written. Empty for a name
    /// that has no resource.</summary>
    public ImmutableArray<ResourceKey> Origins(XdsType type, string name) => Answer(type, name)?.Origins ?? [];

    private Entry? Answer(XdsType type, string name)
    {
        if (type == XdsType.Listener) return _listeners.FirstOrDefault(l => l.Resource?.Name == name);
        // Names come from the network: what does not exist is answered and not remembered, so that asking cannot fill memory.
        if (_answers.TryGetValue((type, name), out var known)) return known;
        var entry = _translator.Find(_model, Node, _roots, type, name);
        return entry is null ? null : _answers.GetOrAdd((type, name), entry);
    }
}
