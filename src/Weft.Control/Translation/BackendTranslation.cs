using Envoy.Config.Route.V3;
using Weft.Control.Model;
using ClusterWeight = Envoy.Config.Route.V3.WeightedCluster.Types.ClusterWeight;
using NotFoundCode = Envoy.Config.Route.V3.RouteAction.Types.ClusterNotFoundResponseCode;

namespace Weft.Control.Translation;

/// <summary>Backends and their weights.</summary>
internal static class BackendTranslation
{
    /// <summary>Null when no request can go anywhere: no backend, none that exists, or no weight.</summary>
    public static RouteAction? Of(MeshRule rule)
    {
        var valid = rule.Backends.Where(b => b.Port is not null).ToList();
        if (valid.Sum(b => (long)b.Source.Weight) == 0) return null;
        if (rule.Backends is [{ Source.Filters.IsEmpty: true } only]) return new RouteAction { Cluster = only.Port!.Key.ToString() };

        // A backend of weight 0 stays in the list: proxies then hold its cluster warm before a canary gets its first request.
        var split = new WeightedCluster();
        split.Clusters.Add(valid.Select(Weigh));
        var action = new RouteAction { WeightedClusters = split };
        var lost = rule.Backends.Where(b => b.Port is null).Sum(b => (long)b.Source.Weight);
        if (lost == 0) return action;
        split.Clusters.Add(new ClusterWeight { Name = XdsNames.InvalidBackendCluster, Weight = (uint)lost });
        action.ClusterNotFoundResponseCode = NotFoundCode.InternalServerError;
        return action;
    }

    private static ClusterWeight Weigh(MeshBackend backend)
    {
        var weight = new ClusterWeight { Name = backend.Port!.Key.ToString(), Weight = (uint)backend.Source.Weight };
        HeaderTranslation.Apply(
            backend.Source.Filters, weight.RequestHeadersToAdd, weight.RequestHeadersToRemove, weight.ResponseHeadersToAdd, weight.ResponseHeadersToRemove);
        return weight;
    }
}
