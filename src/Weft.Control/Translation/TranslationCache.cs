using System.Collections.Concurrent;
using System.Collections.Immutable;
using Weft.Control.Model;
using Weft.Resources;
using Weft.Xds;

namespace Weft.Control.Translation;

/// <summary>
/// What has been translated, shared by all nodes: one entry per type, name and whose rules hold. An entry stands as long as the parts of the model
/// that it was made of are the same instances, so one changed endpoint translates one assignment again, however many nodes and services there are.
/// </summary>
internal sealed class TranslationCache
{
    private readonly ConcurrentDictionary<Key, Entry> _entries = new();
    private long _translations;
    private long _refusals;

    /// <summary>Identity of an entry.</summary>
    /// <param name="Type">Type of the resource.</param>
    /// <param name="Name">Name that it is asked for by.</param>
    /// <param name="Rules">Whose rules hold, for requests and for connections, or for which network namespace it is; empty for what is the same for all.</param>
    public readonly record struct Key(XdsType Type, string Name, string Rules);

    /// <summary>A translation and what it was made of.</summary>
    /// <param name="Sources">Parts of the model, compared by identity.</param>
    /// <param name="Resource">What is served: null when no version has ever compiled.</param>
    /// <param name="Origins">The resources that caused it.</param>
    /// <param name="Problem">Set when the newest version did not compile and <paramref name="Resource"/> is older.</param>
    public sealed record Entry(ImmutableArray<object> Sources, XdsResource? Resource, ImmutableArray<ResourceKey> Origins, TranslationProblem? Problem);

    /// <summary>Resources translated since the start.</summary>
    public long Translations => Interlocked.Read(ref _translations);

    /// <summary>Translations that the compiler refused since the start.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    public IReadOnlyList<TranslationProblem> Problems => [.. _entries.Values.Select(e => e.Problem).OfType<TranslationProblem>().OrderBy(p => p.Type).ThenBy(p => p.Name, StringComparer.Ordinal)];

    public Entry Get(Key key, ImmutableArray<object> sources, Func<Translated> translate)
    {
        var old = _entries.GetValueOrDefault(key);
        if (old is not null && old.Sources.SequenceEqual(sources, ReferenceComparer<object>.Instance)) return old;
        // Two threads may translate the same thing at once; the results are equal, so whichever stays is right.
        var entry = Make(sources, translate(), old?.Resource);
        _entries[key] = entry;
        return entry;
    }

    /// <summary>Translates without keeping: for what belongs to one node.</summary>
    public Entry Make(ImmutableArray<object> sources, Translated translated, XdsResource? lastGood)
    {
        Interlocked.Increment(ref _translations);
        var resource = XdsResource.Of(translated.Name, translated.Message);
        var rejections = ResourceCheck.Run(translated.Type, resource);
        if (rejections.Count == 0) return new Entry(sources, resource, translated.Origins, null);
        Interlocked.Increment(ref _refusals);
        return new Entry(sources, lastGood, translated.Origins, new TranslationProblem(translated.Type, translated.Name, rejections, translated.Origins));
    }

    /// <summary>Forgets entries whose service or port is gone.</summary>
    public void Prune(MeshModel model)
    {
        foreach (var key in _entries.Keys)
        {
            var gone = key.Type == XdsType.Name
                ? model.FindName(key.Name) is null
                : (XdsNames.TryBytes(key.Name, out var port) || ServicePortKey.TryParse(key.Name, out port)) && model.FindCalledPort(port) is null;
            if (gone) _entries.TryRemove(key, out _);
        }
    }
}
