using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Weft.Control.Model;
using Weft.Resources;
using Weft.Xds;
using Key = Weft.Control.Translation.TranslationCache.Key;

namespace Weft.Control.Translation;

/// <summary>
/// The mesh as xDS. Pure but for a cache: what a node gets is a function of (model, node, roots). Nothing is translated before it is asked for,
/// nothing twice while its sources stay, and nothing is served that Weft's own compiler refuses. Thread-safe.
/// </summary>
public sealed class Translator
{
    /// <summary>Stands among the sources of a route configuration that says what its clients speak.</summary>
    private static readonly object s_hint = new();

    private readonly TranslationCache _cache = new();
    private MeshModel? _pruned;

    /// <summary>Resources translated since the start; the measure of what a change costs.</summary>
    public long Translations => _cache.Translations;

    /// <summary>Translations that Weft's own compiler refused since the start; a metric that stays 0.</summary>
    public long Refusals => _cache.Refusals;

    /// <summary>Shared resources whose newest version was refused, sorted; a node's own are in <see cref="NodeSnapshot.Problems"/>.</summary>
    public IReadOnlyList<TranslationProblem> Problems => _cache.Problems;

    /// <summary>What <paramref name="node"/> may see of <paramref name="model"/>.</summary>
    /// <param name="model">The mesh.</param>
    /// <param name="node">Who asks.</param>
    /// <param name="roots">Trusted roots, PEM, concatenated; should be the same instance while they do not change.</param>
    /// <param name="previous">The node's last snapshot; its listeners are taken over when nothing about them changed.</param>
    public NodeSnapshot Snapshot(MeshModel model, NodeInfo node, string roots, NodeSnapshot? previous = null)
    {
        if (!ReferenceEquals(Interlocked.Exchange(ref _pruned, model), model)) _cache.Prune(model);
        return new NodeSnapshot(this, model, node, roots, previous);
    }

    internal TranslationCache.Entry? Find(MeshModel model, NodeInfo node, string roots, XdsType type, string name) => type switch
    {
        XdsType.Cluster when XdsNames.TryInbound(name, out var port) => node.Inbound.Any(i => i.Port == port) ? InboundCluster(model, node, port) : null,
        XdsType.Cluster when XdsNames.TryBytes(name, out var key) => model.FindPort(key) is { CarriesBytes: true } port ? Cluster(model, port, name) : null,
        XdsType.Cluster => Port(name) is { } key && model.FindPort(key) is { } port ? Cluster(model, port, name) : null,
        XdsType.Endpoint => Port(name) is { } key && model.Endpoints.GetValueOrDefault(key) is { } endpoints ? Endpoints(endpoints) : null,
        XdsType.Route => Port(name) is { } key && model.FindCalledPort(key) is { } port ? Routes(model, node, key, port) : null,
        XdsType.Name => model.FindName(name) is { } service ? Name(model, service, name) : null,
        XdsType.Secret => name == XdsNames.RootsSecret ? Roots(roots) : null,
        _ => null,
    };

    /// <summary>A node's listeners, in the order of their names.</summary>
    internal ImmutableArray<TranslationCache.Entry> Listeners(MeshModel model, NodeInfo node, NodeSurroundings surroundings, ImmutableArray<TranslationCache.Entry> previous)
    {
        var origins = Origins(model, new ResourceKey(ResourceKinds.Workload.Group, ResourceKinds.Workload.Kind, node.Namespace, node.Workload));
        return
        [
            .. ListenerTranslation.Of(node, surroundings, model.Settings).Select(l => _cache.Make(
                [], new Translated(XdsType.Listener, l.Name, l, origins), previous.FirstOrDefault(p => p.Resource?.Name == l.Name)?.Resource)),
        ];
    }

    private TranslationCache.Entry InboundCluster(MeshModel model, NodeInfo node, int port) => _cache.Get(
        new Key(XdsType.Cluster, XdsNames.Inbound(port), node.NetworkNamespace), [model.Settings],
        () => new Translated(XdsType.Cluster, XdsNames.Inbound(port), ClusterTranslation.Inbound(port, node.NetworkNamespace, model.Settings.Defaults), Origins(model)));

    /// <param name="name">That of the port's cluster for requests, or of the one for bytes.</param>
    private TranslationCache.Entry Cluster(MeshModel model, MeshServicePort port, string name) => _cache.Get(
        new Key(XdsType.Cluster, name, ""), [port, model.Settings],
        () => new Translated(
            XdsType.Cluster, name, XdsNames.TryBytes(name, out _) ? ClusterTranslation.OfBytes(port, model.Settings) : ClusterTranslation.Of(port, model.Settings), Origins(model, port.Service)));

    private TranslationCache.Entry Endpoints(MeshEndpoints endpoints) => _cache.Get(
        // The list itself is the source: a workload's change that moved no endpoint leaves it the same instance.
        new Key(XdsType.Endpoint, endpoints.Port.Key.ToString(), ""), [endpoints.Port, ImmutableCollectionsMarshal.AsArray(endpoints.Endpoints)!],
        () => new Translated(
            XdsType.Endpoint, endpoints.Port.Key.ToString(), EndpointTranslation.Of(endpoints),
            [endpoints.Port.Service, .. endpoints.Sources.Workloads.Select(w => w.Source.Key), .. endpoints.Sources.Slices.Select(s => s.Key)]));

    private TranslationCache.Entry Routes(MeshModel model, NodeInfo node, ServicePortKey asked, MeshServicePort port)
    {
        var table = model.RouteTables.GetValueOrDefault(port.Key);
        var rules = table?.RulesOf(node.Namespace) ?? "";
        var connections = node.TakesBytes && port.CarriesBytes ? model.ConnectionTables.GetValueOrDefault(port.Key) : null;
        var bytes = node.TakesBytes && port.CarriesBytes ? ByteRules.Of(connections, node) : null;
        var hint = bytes is not null && port.CarriesHttp && model.HttpPorts.Contains(port.Key);
        return _cache.Get(
            new Key(XdsType.Route, asked.ToString(), $"{rules}/{(bytes is null ? "-" : bytes.Namespace)}"),
            [port, model.Settings, (object?)table ?? port, (object?)connections ?? port, hint ? s_hint : port],
            () => new Translated(
                XdsType.Route, asked.ToString(), RouteTranslation.Of(asked, port, table, rules, bytes, hint, model.Settings),
                [
                    .. (table?.Sources ?? []).Where(r => r.Source.Metadata.Namespace == rules).Select(r => r.Source.Key),
                    .. (bytes?.ServerNames ?? []).Select(n => n.Route).Append(bytes?.Any).OfType<MeshConnectionRoute>().Select(r => r.Source.Key).Distinct(), port.Service,
                ]));
    }

    private TranslationCache.Entry Name(MeshModel model, MeshService service, string asked)
    {
        // A headless service's addresses are its endpoints'; any other's do not change with them.
        ImmutableArray<MeshEndpoints> endpoints = service.Source.IsHeadless ? [.. service.Ports.Select(p => model.Endpoints[p.Key])] : [];
        return _cache.Get(
            new Key(XdsType.Name, asked, ""), [service, .. endpoints.Select(e => ImmutableCollectionsMarshal.AsArray(e.Endpoints)!)],
            () => new Translated(XdsType.Name, asked, NameTranslation.Of(service, endpoints), [service.Source.Key]));
    }

    private TranslationCache.Entry Roots(string roots) => _cache.Get(
        new Key(XdsType.Secret, XdsNames.RootsSecret, ""), [roots],
        () => new Translated(XdsType.Secret, XdsNames.RootsSecret, SecretTranslation.Roots(roots), []));

    private static ServicePortKey? Port(string name) => ServicePortKey.TryParse(name, out var key) ? key : null;

    private static ImmutableArray<ResourceKey> Origins(MeshModel model, params ReadOnlySpan<ResourceKey> first) =>
        model.Settings.Source is { } mesh ? [.. first, mesh.Key] : [.. first];
}
