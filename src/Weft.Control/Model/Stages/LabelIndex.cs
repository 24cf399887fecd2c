using System.Collections.Immutable;

namespace Weft.Control.Model.Stages;

/// <summary>Finds the workloads that a selector selects without asking each: candidates are those with the selector's rarest label.</summary>
internal sealed class LabelIndex
{
    private readonly Dictionary<(string Namespace, string Key, string Value), List<MeshWorkload>> _byLabel = [];

    /// <param name="workloads">In the order in which selections are to come out.</param>
    public LabelIndex(IEnumerable<MeshWorkload> workloads)
    {
        foreach (var workload in workloads)
        {
            foreach (var (key, value) in workload.Source.Metadata.Labels)
            {
                var label = (workload.Source.Metadata.Namespace, key, value);
                if (!_byLabel.TryGetValue(label, out var list)) _byLabel.Add(label, list = []);
                list.Add(workload);
            }
        }
    }

    /// <summary>Workloads of the namespace that have every label; none for an empty selector.</summary>
    public ImmutableArray<MeshWorkload> Select(string @namespace, ImmutableSortedDictionary<string, string> selector)
    {
        if (selector.IsEmpty) return [];
        List<MeshWorkload>? candidates = null;
        foreach (var (key, value) in selector)
        {
            if (!_byLabel.TryGetValue((@namespace, key, value), out var list)) return [];
            if (candidates is null || list.Count < candidates.Count) candidates = list;
        }
        return [.. candidates!.Where(w => selector.All(s => w.Source.Metadata.Labels.GetValueOrDefault(s.Key) == s.Value))];
    }
}
