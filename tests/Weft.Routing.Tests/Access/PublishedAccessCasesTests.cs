using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Envoy.Config.Rbac.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shouldly;
using Weft.Routing.Access;
using Weft.Routing.Compile;
using Weft.TestSupport;
using Xunit;

namespace Weft.Routing.Tests.Access;

/// <summary>The RBAC cases of grpc-go, as far as they are about connections: chains of rules, each held against what is known of a peer.</summary>
public sealed class PublishedAccessCasesTests
{
    private static readonly JsonParser Json = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    [Fact]
    public void Published_cases_about_connections_all_hold()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Tool.RequireCase("routing-authz-cases.json")));
        var (held, ofRequests, refused) = (0, 0, 0);
        foreach (var one in document.RootElement.GetProperty("grpc_rbac_engine").GetProperty("cases").EnumerateArray())
        {
            var name = one.GetProperty("name").GetString();
            var config = one.GetProperty("config").GetRawText();
            var listener = TestResources.Listener(TestResources.Manager());
            foreach (var rules in JsonNode.Parse(config)!.AsArray().Select((c, i) => (Message: Json.Parse<RBAC>(Plain(c!).ToJsonString()), Index: i)))
                listener.FilterChains[0].Filters.Insert(rules.Index, new() { Name = "rbac", TypedConfig = Any.Pack(new Envoy.Extensions.Filters.Network.Rbac.V3.RBAC { StatPrefix = "s", Rules = rules.Message }) });
            var compiled = ListenerCompiler.Compile(listener);
            if (config.Contains("\"metadata\"", StringComparison.Ordinal))
            {
                // There they never match; here they are refused by name, because nothing in this proxy could ever make them match.
                compiled.Rejections.ShouldContain(r => r.Field.EndsWith(".metadata"), name);
                refused++;
                continue;
            }
            compiled.Rejections.ShouldBeEmpty(name);
            var asksRequest = config.Contains("\"header\"", StringComparison.Ordinal) || config.Contains("\"url_path\"", StringComparison.Ordinal);
            foreach (var query in one.GetProperty("queries").EnumerateArray())
            {
                var rpc = query.GetProperty("rpc");
                var hasRequest = rpc.TryGetProperty("md", out _) || rpc.TryGetProperty("full_method", out var method) && method.GetString()!.Length > 0;
                if (asksRequest && hasRequest)
                {
                    ofRequests++;
                    continue;
                }
                var permitted = NetworkRbac.FirstDenial(compiled.Value!.FilterChains[0].Access, Facts(rpc.GetProperty("peer_info"))) is null;
                permitted.ShouldBe(query.GetProperty("want").GetString() == "codes.OK", $"{name}: {query}");
                held++;
            }
        }
        held.ShouldBeGreaterThan(10);
        TestContext.Current.TestOutputHelper?.WriteLine($"score: {held} of {held}; {ofRequests} are about requests, {refused} configurations are refused by name");
    }

    /// <summary>Go's wrappers are undone: <c>{"value": {"$call": "uint32", "args": [10]}}</c> is 10. Audit loggers are not a decision.</summary>
    private static JsonNode Plain(JsonNode node)
    {
        switch (node)
        {
            case JsonArray array:
                return new JsonArray([.. array.Select(n => Plain(n!))]);
            case JsonObject { Count: 1 } wrapper when wrapper["value"] is JsonObject call && call.ContainsKey("$call"):
                return call["args"]![0]!.DeepClone();
            case JsonObject map:
                return new JsonObject(map.Where(p => p.Key != "audit_logging_options").Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Plain(p.Value!))));
            default:
                return node.DeepClone();
        }
    }

    private static AccessFacts Facts(JsonElement peer)
    {
        var address = peer.GetProperty("addr").GetProperty("ip_address").GetString()!;
        PeerNames? names = null;
        if (peer.TryGetProperty("auth_info", out var auth))
        {
            var certificate = auth.GetProperty("state").GetProperty("peer_certificates")[0];
            var uris = certificate.TryGetProperty("u_r_is", out var list) ? list.EnumerateArray().Select(Uri) : [];
            var subject = certificate.TryGetProperty("subject", out var s) ? $"CN={s.GetProperty("common_name").GetString()}" : "";
            names = new PeerNames(uris, [], subject);
        }
        return AccessCompilerTests.Facts(remote: IPEndPoint.Parse(address).Address.ToString(), peer: names);
    }

    private static string Uri(JsonElement uri) =>
        $"{(uri.TryGetProperty("scheme", out var scheme) ? scheme.GetString() + ":" : "")}//{uri.GetProperty("host").GetString()}{uri.GetProperty("path").GetString()}";
}
