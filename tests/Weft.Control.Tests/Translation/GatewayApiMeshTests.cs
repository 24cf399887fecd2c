using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Model;
using Weft.Control.Translation;
using Weft.Resources;
using Weft.Routing.Balancing;
using Weft.Routing.Compile;
using Weft.Routing.Headers;
using Weft.Routing.Requests;
using Weft.Routing.Routes;
using Weft.TestSupport;
using Weft.Xds;
using Xunit;

namespace Weft.Control.Tests.Translation;

/// <summary>The mesh cases of Gateway API's conformance suite, decided without a socket: resources to model to xDS to the compiled route table that
/// the proxy asks. (What the cases say of a GRPCRoute or of a pod's own address is not about this kinds.)</summary>
public sealed class GatewayApiMeshTests
{
    private const string Namespace = "gateway-conformance-mesh";

    private static readonly string[] Names =
    [
        "MeshHTTPRouteMatching", "MeshHTTPRouteRedirectHostAndStatus", "MeshHTTPRouteBackendRequestHeaderModifier", "MeshHTTPRouteRewritePath",
        "MeshHTTPRouteWeight", "MeshFrontendHostname", "MeshFrontend", "MeshPorts", "MeshTrafficSplit",
    ];

    public static TheoryData<string> Cases => [.. Names];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Conformance_case_holds(string name)
    {
        var file = JsonNode.Parse(File.ReadAllText(Tool.RequireCase("gateway-api-conformance.json")))!;
        var test = file["tests"]!.AsArray().Single(t => (string)t!["short_name"]! == name)!;
        var asked = 0;
        foreach (var routes in InTurn(test["resources"]!.AsArray()))
        {
            var snapshot = Snapshot(routes);
            foreach (var expected in test["expected"]!.AsArray())
            {
                if (expected!["Request"]!["Host"] is JsonObject) continue; // the address of a pod: such traffic is not routed
                Check(snapshot, expected, test["weights"]!.AsArray().FirstOrDefault());
                asked++;
            }
        }
        asked.ShouldBeGreaterThan(0);
    }

    /// <summary>A case that holds two routes of one name asks the same of each, one after the other.</summary>
    private static IEnumerable<IEnumerable<JsonNode>> InTurn(JsonArray routes)
    {
        var names = routes.Select(r => (string)r!["metadata"]!["name"]!).Distinct().Count();
        return names == routes.Count ? [routes.Select(r => r!)] : routes.Select(r => new[] { r! });
    }

    private static NodeSnapshot Snapshot(IEnumerable<JsonNode> routes)
    {
        var resources = new List<ResourceObject>();
        foreach (var name in new[] { "echo", "echo-v1", "echo-v2" })
            resources.AddRange(Service(name));
        foreach (var route in routes)
        {
            var read = ResourceReader.ReadJson(route, "case");
            read.Diagnostics.ShouldBeEmpty();
            resources.AddRange(read.Resources);
        }
        var model = MeshModel.Build(new ModelInputs(resources, [], 1));
        model.Status.Values.SelectMany(s => s.Parents).SelectMany(p => p.Conditions).ShouldAllBe(c => c.Status);
        return new Translator().Snapshot(model, new NodeInfo { Id = $"client.{Namespace}", Workload = "client", Namespace = Namespace, ServiceAccount = "default", Address = IPAddress.Loopback }, "");
    }

    private static IEnumerable<ResourceObject> Service(string service) => Model.MeshModelTests.Read($$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{service}}, namespace: {{Namespace}}}
        spec: {selector: {app: {{service}}}, ports: [{name: http, port: 80, targetPort: 8080}, {name: http-alt, port: 8080}]}
        """);

    private static void Check(NodeSnapshot snapshot, JsonNode expected, JsonNode? weights)
    {
        var request = expected["Request"]!;
        var host = (string?)request["Host"] ?? "echo";
        var name = host.Contains(':') ? host.Replace(":", $".{Namespace}:") : $"{host}.{Namespace}:80";
        var table = RouteCompiler.Compile(snapshot.Find(XdsType.Route, name).ShouldNotBeNull(name).Body.Span).Value.ShouldNotBeNull();
        var headers = Headers(request["Headers"]);
        var route = Ask(table, (string?)request["Method"] ?? "GET", host, (string?)request["Path"] ?? "/", headers, out var location);
        var about = $"{request.ToJsonString()} on {name}";

        if (expected["RedirectRequest"] is { } redirect)
        {
            ((RedirectAction)route.ShouldNotBeNull(about).Action).Status.ShouldBe((int)expected["Response"]!["StatusCode"]!, about);
            new Uri(location!).Host.ShouldBe((string)redirect["Host"]!, about);
            return;
        }
        var forward = route.ShouldNotBeNull(about).Action.ShouldBeOfType<ForwardAction>(about);
        var chance = new Chance(42);
        var chosen = Enumerable.Range(0, 5000).Select(_ => forward.Choose(ref chance)).ToList();
        if ((string?)expected["Backend"] is { } backend) chosen.ShouldAllBe(c => c.Name.StartsWith(backend + "."), about);
        foreach (var (to, share) in weights?.AsObject() ?? [])
            (chosen.Count(c => c.Name.StartsWith(to + ".")) / 5000.0).ShouldBe((double)share!, 0.05, about);
        CheckForwarded(expected["ExpectedRequest"], forward, chosen[0], (string?)request["Path"] ?? "/", headers, about);
        CheckResponse(expected["Response"], chosen[0], about);
    }

    private static void CheckForwarded(JsonNode? expected, ForwardAction forward, WeightedCluster chosen, string path, Dictionary<string, string> headers, string about)
    {
        if ((string?)expected?["Request"]?["Path"] is { } expectedPath)
        {
            var into = new byte[256];
            var length = forward.PathRewrite?.WriteTo(Encoding.ASCII.GetBytes(path), into);
            (length is null ? path : Encoding.ASCII.GetString(into, 0, length.Value)).ShouldBe(expectedPath, about);
        }
        var seen = Apply(chosen.RequestHeaders, headers);
        foreach (var (name, value) in Headers(expected?["Request"]?["Headers"])) seen.GetValueOrDefault(name).ShouldBe(value, $"{about}: {name}");
        foreach (var name in expected?["AbsentHeaders"]?.AsArray() ?? []) seen.ShouldNotContainKey((string)name!);
    }

    private static void CheckResponse(JsonNode? expected, WeightedCluster chosen, string about)
    {
        var seen = Apply(chosen.ResponseHeaders, []);
        foreach (var (name, value) in Headers(expected?["Headers"])) seen.GetValueOrDefault(name).ShouldBe(value, about);
        foreach (var name in expected?["AbsentHeaders"]?.AsArray() ?? []) seen.ShouldNotContainKey((string)name!);
    }

    private static Route? Ask(RouteTable table, string method, string host, string path, Dictionary<string, string> headers, out string? location)
    {
        var text = string.Concat(headers.Select(h => $"{h.Key}: {h.Value}\r\n"));
        var fields = new List<HeaderField>();
        var at = 0;
        foreach (var (name, value) in headers)
        {
            fields.Add(new HeaderField(at, name.Length, at + name.Length + 2, value.Length, KnownHeader.Other, false));
            at += name.Length + value.Length + 4;
        }
        var head = new RequestHead(Encoding.ASCII.GetBytes(method), "http"u8, Encoding.ASCII.GetBytes(host), Encoding.ASCII.GetBytes(path), Encoding.ASCII.GetBytes(text), fields.ToArray());
        var route = table.Match(head).Route;
        location = null;
        if (route?.Action is RedirectAction redirect)
        {
            var into = new byte[512];
            location = Encoding.ASCII.GetString(into, 0, redirect.WriteLocation(head, into));
        }
        return route;
    }

    /// <summary>Fields by name, repeated ones joined by a comma, as the suite compares them.</summary>
    private static Dictionary<string, string> Apply(HeaderMutations mutations, Dictionary<string, string> headers)
    {
        var result = new Dictionary<string, string>(headers, StringComparer.OrdinalIgnoreCase);
        foreach (var edit in mutations.Edits)
        {
            var name = Encoding.ASCII.GetString(edit.Name);
            var present = result.TryGetValue(name, out var value);
            var added = Encoding.ASCII.GetString(edit.Lines(present)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(l => l[(l.IndexOf(':') + 2)..]);
            var values = (present && !edit.DropsOriginal ? [value!] : Array.Empty<string>()).Concat(added).ToList();
            if (values.Count == 0) result.Remove(name);
            else result[name] = string.Join(',', values);
        }
        return result;
    }

    private static Dictionary<string, string> Headers(JsonNode? headers) =>
        headers is JsonObject map ? map.ToDictionary(h => h.Key, h => (string)h.Value!, StringComparer.OrdinalIgnoreCase) : new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
}
