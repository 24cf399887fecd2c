using System.Collections.Immutable;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Shouldly;
using Weft.Control.Model;
using Weft.Control.Translation;
using Weft.Resources;
using Weft.Xds;

namespace Weft.Control.Tests.Golden;

/// <summary>
/// One folder: <c>input.yaml</c> in; <c>diagnostics.txt</c> (only when there are some), <c>status.yaml</c> and <c>xds.json</c> out. A first line
/// <c># shows: routes endpoints</c> in the input keeps xds.json to what the case is about; without it everything is shown.
/// Every Workload with a sidecar is a node. Leases are judged at midnight, 1 January 2026.
/// </summary>
internal sealed class GoldenCase(string folder)
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly string[] Everything = ["listeners", "clusters", "endpoints", "routes", "secrets"];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonFormatter Formatter = new(new JsonFormatter.Settings(formatDefaultValues: false, TypeRegistry.FromMessages(
        Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Descriptor,
        Envoy.Extensions.Filters.Http.Router.V3.Router.Descriptor,
        Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Descriptor,
        Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector.Descriptor,
        Envoy.Extensions.TransportSockets.Tls.V3.DownstreamTlsContext.Descriptor,
        Envoy.Extensions.TransportSockets.Tls.V3.UpstreamTlsContext.Descriptor,
        Envoy.Extensions.TransportSockets.RawBuffer.V3.RawBuffer.Descriptor,
        Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseFormatterConfig.Descriptor,
        Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions.Descriptor,
        Weft.V1.Detect.Descriptor, Weft.V1.ForwardProxy.Descriptor, Weft.V1.RetryBudget.Descriptor)).WithPreserveProtoFieldNames(true));

    /// <summary>File name to content; a null content means that the file must not exist.</summary>
    public SortedDictionary<string, string?> Run()
    {
        var text = File.ReadAllText(Path.Combine(folder, "input.yaml"));
        var read = ResourceReader.ReadYaml(text, "input.yaml");
        var expired = read.Resources.OfType<Lease>().Where(l => l.Expiry < Now).Select(l => l.Key).ToImmutableHashSet();
        var model = MeshModel.Build(new ModelInputs(read.Resources, expired, Revision: 1));
        var shown = text.StartsWith("# shows:", StringComparison.Ordinal)
            ? text[8..text.IndexOf('\n', StringComparison.Ordinal)].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : Everything;
        return new SortedDictionary<string, string?>
        {
            ["diagnostics.txt"] = read.Diagnostics.IsEmpty ? null : string.Concat(read.Diagnostics.Select(d => d + "\n")),
            ["status.yaml"] = read.Resources.IsEmpty ? null : Status(model),
            ["xds.json"] = read.Resources.IsEmpty ? null : Xds(model, shown).ToJsonString(Indented) + "\n",
        };
    }

    private static string Status(MeshModel model)
    {
        var all = new JsonObject();
        foreach (var (key, status) in model.Status)
            if (StatusWriter.Merge(status, null, Now) is { } written) all[key.ToString()] = written;
        return YamlText.Write(all);
    }

    private static JsonObject Xds(MeshModel model, string[] shown)
    {
        var translator = new Translator();
        var nodes = model.Workloads.Values.Where(w => w.Source.Sidecar is not null).Select(w => translator.Snapshot(model, NodeOf(w.Source), "ROOTS")).ToList();
        var anyone = translator.Snapshot(model, Client("default"), "ROOTS");
        var result = new JsonObject();
        if (shown.Contains("listeners"))
            result["listeners"] = Section(nodes.SelectMany(n => n.Wildcard(XdsType.Listener).Select(r => ($"{n.Node.Id} {r.Name}", Message(XdsType.Listener, r)))));
        if (shown.Contains("clusters"))
        {
            var services = model.Endpoints.Values.SelectMany(e => Clusters(e.Port)).Select(n => Named(anyone, XdsType.Cluster, n));
            var inbound = nodes.SelectMany(n => n.Node.Inbound.Select(i => Named(n, XdsType.Cluster, XdsNames.Inbound(i.Port)))).DistinctBy(n => n.Name);
            result["clusters"] = Section(services.Concat(inbound));
        }
        if (shown.Contains("endpoints")) result["endpoints"] = Section(model.Endpoints.Keys.Select(k => Named(anyone, XdsType.Endpoint, k.ToString())));
        if (shown.Contains("routes")) result["routes"] = Section(Routes(model, translator, anyone));
        if (shown.Contains("secrets")) result["secrets"] = Section([Named(anyone, XdsType.Secret, XdsNames.RootsSecret)]);

        // Nothing that Weft makes may be refused by Weft.
        translator.Refusals.ShouldBe(0, string.Join("\n", translator.Problems.Concat(nodes.SelectMany(n => n.Problems)).SelectMany(p => p.Rejections)));
        return result;
    }

    /// <summary>The clusters that routes to a port may name.</summary>
    private static IEnumerable<string> Clusters(MeshServicePort port) =>
        (port.CarriesHttp ? [port.Key.ToString()] : Array.Empty<string>()).Concat(port.CarriesBytes ? [XdsNames.Bytes(port.Key)] : []);

    private static IEnumerable<(string Name, JsonNode Message)> Routes(MeshModel model, Translator translator, NodeSnapshot anyone)
    {
        foreach (var key in model.Endpoints.Keys)
        {
            yield return Named(anyone, XdsType.Route, key.ToString());
            var alias = key with { Port = 80 };
            if (model.FindPort(alias) is null && anyone.Find(XdsType.Route, alias.ToString()) is not null) yield return Named(anyone, XdsType.Route, alias.ToString());
            var consumers = (model.RouteTables.GetValueOrDefault(key)?.Consumers.Keys ?? [])
                .Concat((model.ConnectionTables.GetValueOrDefault(key)?.Routes ?? []).Select(r => r.Source.Metadata.Namespace)).Where(n => n != key.Namespace).Distinct();
            foreach (var consumer in consumers)
                yield return ($"{key} called from {consumer}", Named(translator.Snapshot(model, Client(consumer), "ROOTS"), XdsType.Route, key.ToString()).Message);
        }
    }

    private static (string Name, JsonNode Message) Named(NodeSnapshot snapshot, XdsType type, string name) =>
        (name, Message(type, snapshot.Find(type, name).ShouldNotBeNull($"{type} {name} does not exist")));

    private static JsonNode Message(XdsType type, XdsResource resource)
    {
        IMessage message = type switch
        {
            XdsType.Listener => Envoy.Config.Listener.V3.Listener.Parser.ParseFrom(resource.Body),
            XdsType.Route => Envoy.Config.Route.V3.RouteConfiguration.Parser.ParseFrom(resource.Body),
            XdsType.Cluster => Envoy.Config.Cluster.V3.Cluster.Parser.ParseFrom(resource.Body),
            XdsType.Endpoint => Envoy.Config.Endpoint.V3.ClusterLoadAssignment.Parser.ParseFrom(resource.Body),
            _ => Envoy.Extensions.TransportSockets.Tls.V3.Secret.Parser.ParseFrom(resource.Body),
        };
        return JsonNode.Parse(Formatter.Format(message))!;
    }

    private static JsonObject Section(IEnumerable<(string Name, JsonNode Message)> resources)
    {
        var section = new JsonObject();
        foreach (var (name, message) in resources) section[name] = message;
        return section;
    }

    private static NodeInfo Client(string ns) =>
        new() { Id = $"client.{ns}", Workload = "client", Namespace = ns, ServiceAccount = "default", Address = IPAddress.Loopback, TakesBytes = true };

    private static NodeInfo NodeOf(Workload workload) => new()
    {
        Id = $"{workload.Metadata.Name}.{workload.Metadata.Namespace}",
        Workload = workload.Metadata.Name,
        Namespace = workload.Metadata.Namespace,
        ServiceAccount = workload.ServiceAccount,
        Version = workload.Version,
        Address = IPAddress.Parse(workload.Address),
        Inbound = [.. workload.Sidecar!.Inbound.Select(i => new InboundPort(i.Key, workload.Ports[i.Key], i.Value))],
        OutboundPort = workload.Sidecar.OutboundPort,
        AdminPort = workload.Sidecar.AdminPort,
        TakesBytes = true,
    };
}
