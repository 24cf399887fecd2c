using Weft.Xds.Tests.Harness;

namespace Weft.Xds.Tests.Joined;

/// <summary>Makes one consistent snapshot after another: a route names only clusters that exist, a listener only routes. One cluster is always there. The content of a
/// listener is the route it uses, that of a route its clusters; a number makes contents differ. Content with <c>!</c> is refused by clients.</summary>
internal sealed class Mesh(Random chance, bool withBadResources)
{
    private static readonly string[] Clusters = ["c0", "c1", "c2", "c3", "c4"];
    private static readonly string[] Routes = ["r0", "r1", "r2"];
    private static readonly string[] Listeners = ["l0", "l1"];
    private readonly HashSet<string> _clusters = ["c0"];
    private readonly HashSet<string> _routes = [];
    private readonly HashSet<string> _listeners = [];

    public TestSnapshot Snapshot { get; private set; } = TestSnapshot.Empty.With("CDS c0=0", "EDS c0=0");

    public static IReadOnlyList<string> AllRoutes => Routes;

    /// <summary>Changes a few things and then mends what refers to something that is gone.</summary>
    public void Change()
    {
        var changes = new List<string>();
        for (var i = chance.Next(1, 4); i > 0; i--)
        {
            var cluster = Pick(Clusters);
            switch (chance.Next(6))
            {
                case 0 when cluster != "c0": Toggle(_clusters, cluster, changes, "CDS", Number()); break;
                case 1: Toggle(_routes, Pick(Routes), changes, "RDS", RouteContent()); break;
                case 2: Toggle(_listeners, Pick(Listeners), changes, "LDS", ListenerContent()); break;
                case 3 when _clusters.Contains(cluster): changes.Add($"EDS {cluster}={Number()}"); break;
                case 4: changes.Add($"SDS ROOTCA={Number()}"); break;
                default:
                    if (_routes.Count > 0) changes.Add($"RDS {Pick(_routes)}={RouteContent()}");
                    break;
            }
        }
        Snapshot = Snapshot.With([.. changes]);
        Mend();
    }

    private void Mend()
    {
        var changes = new List<string>();
        foreach (var cluster in Clusters)
        {
            if (!_clusters.Contains(cluster)) changes.Add($"EDS {cluster}-");
            else if (Snapshot.Find(XdsType.Endpoint, cluster) is null) changes.Add($"EDS {cluster}=0");
        }
        foreach (var route in _routes)
            if (ModelProxy.Content(Snapshot.Find(XdsType.Route, route)!).Split('/')[0].Split(',').Any(c => !_clusters.Contains(c))) changes.Add($"RDS {route}={RouteContent()}");
        foreach (var listener in _listeners)
            if (!_routes.Contains(ModelProxy.Content(Snapshot.Find(XdsType.Listener, listener)!).Split('/')[0])) changes.Add($"LDS {listener}={ListenerContent()}");
        Snapshot = Snapshot.With([.. changes]);
    }

    private static void Toggle(HashSet<string> names, string name, List<string> changes, string type, string content)
    {
        if (names.Remove(name))
        {
            changes.Add($"{type} {name}-");
        }
        else
        {
            names.Add(name);
            changes.Add($"{type} {name}={content}");
        }
    }

    private string RouteContent()
    {
        var clusters = _clusters.OrderBy(_ => chance.Next()).Take(chance.Next(1, 3)).Order(StringComparer.Ordinal);
        return $"{string.Join(',', clusters)}/{Number()}";
    }

    private string ListenerContent() => $"{(_routes.Count > 0 ? Pick(_routes) : "r0")}/{Number()}";

    private string Number() => chance.Next(3) + (withBadResources && chance.Next(8) == 0 ? "!" : "");

    private string Pick(IReadOnlyCollection<string> from) => from.Order(StringComparer.Ordinal).ElementAt(chance.Next(from.Count));
}
