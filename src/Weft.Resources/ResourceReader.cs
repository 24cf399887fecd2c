using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources.Documents;
using Weft.Resources.Schema;

namespace Weft.Resources;

/// <summary>
/// Reads what people and programs write into typed objects and reports everything that is wrong with it at once.
/// Pure: no network, no clock, no state between calls.
/// </summary>
public static class ResourceReader
{
    /// <summary>Reads one or more YAML documents (JSON is YAML too), each an object or a <c>kind: List</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="fileName">Name for diagnostics.</param>
    /// <param name="options">Limits and the default namespace.</param>
    public static ReadResult ReadYaml(string text, string fileName, ReadOptions? options = null)
    {
        options ??= ReadOptions.Default;
        var findings = new Findings(fileName);
        return TooLong(text.Length, options, findings) ?? Finish(YamlReader.Read(text, options, findings), options, findings);
    }

    /// <summary>Reads one JSON value, an object or a <c>kind: List</c>, in UTF-8.</summary>
    public static ReadResult ReadJson(ReadOnlySpan<byte> utf8, string fileName, ReadOptions? options = null)
    {
        options ??= ReadOptions.Default;
        var findings = new Findings(fileName);
        if (TooLong(utf8.Length, options, findings) is { } refused) return refused;
        return Finish(JsonReader.Read(utf8, options, findings) is { } node ? [node] : [], options, findings);
    }

    /// <summary>Reads a JSON tree in memory; diagnostics carry paths and no lines.</summary>
    public static ReadResult ReadJson(JsonNode node, string source, ReadOptions? options = null) =>
        Finish([new Document(JsonReader.FromTree(node), Intact: true)], options ?? ReadOptions.Default, new Findings(source));

    private static ReadResult? TooLong(int length, ReadOptions options, Findings findings)
    {
        if (length <= options.MaxTextLength) return null;
        findings.Report(DiagnosticRule.Limit, new Position(1, 1), $"{length} characters are more than {options.MaxTextLength} (ReadOptions.MaxTextLength)", "split the file");
        return new ReadResult([], findings.Sorted());
    }

    private static ReadResult Finish(List<Document> documents, ReadOptions options, Findings findings)
    {
        var resources = ImmutableArray.CreateBuilder<ResourceObject>();
        var written = new Dictionary<ResourceKey, int>();
        foreach (var (document, intact) in documents.SelectMany(d => Unfold(d.Root, findings).Select(o => (o, d.Intact))))
        {
            if (ReadObject(document, options, findings) is not { } resource || !intact) continue;
            if (written.TryAdd(resource.Key, document.At.Line))
                resources.Add(resource);
            else
                findings.Report(DiagnosticRule.DuplicateObject, document.At, $"{resource.Key} is written already at line {written[resource.Key]}", "remove one of the two", resource.Key.ToString());
        }
        return new ReadResult(resources.ToImmutable(), findings.Sorted());
    }

    /// <summary>A List (of any API version, as kubectl writes <c>v1 List</c> and servers write <c>HTTPRouteList</c>) is its items.</summary>
    private static IEnumerable<DocumentNode> Unfold(DocumentNode document, Findings findings)
    {
        if (document is not MapNode map || map.Text("kind") is not { } kind || !kind.EndsWith("List", StringComparison.Ordinal)) return [document];
        if (map["items"] is ListNode items) return items.Items;
        findings.Report(DiagnosticRule.Missing, map.At, $"a {kind} has items", "add items: []", path: "items");
        return [];
    }

    private static ResourceObject? ReadObject(DocumentNode document, ReadOptions options, Findings findings)
    {
        if (document is not MapNode map)
        {
            findings.Report(DiagnosticRule.NotAnObject, document.At, $"a document is an object, not {document.Describe()}", "start with apiVersion, kind and metadata");
            return null;
        }
        if (KindOf(map, findings) is not { } kind) return null;
        var before = findings.Errors;
        var name = NameOf(map, kind, options);
        new SchemaValidator(findings, name).Check(map, kind.Schema, "");
        CheckScope(map, kind, name, findings);
        if (findings.Errors != before) return null;
        var json = (JsonObject)map.ToJson();
        json["apiVersion"] = kind.ApiVersion; // what is written in an earlier version of the same shape is kept in this one
        var metadata = json["metadata"]!.AsObject();
        if (kind.Namespaced && !metadata.ContainsKey("namespace")) metadata["namespace"] = options.DefaultNamespace;
        SchemaDefaults.Apply(json, kind.Schema);
        return kind.Create(json);
    }

    private static ResourceKind? KindOf(MapNode map, Findings findings)
    {
        var apiVersion = map.Text("apiVersion");
        var kind = map.Text("kind");
        if (apiVersion is null || kind is null)
        {
            foreach (var field in new[] { "apiVersion", "kind" }.Where(f => map.Text(f) is null))
                findings.Report(DiagnosticRule.Missing, map[field]?.At ?? map.At, $"{field} is required", $"add {field}, as in apiVersion: v1 and kind: Service", path: field);
            return null;
        }
        if (ResourceKinds.Find(apiVersion, kind) is { } found) return found;
        var sameKind = ResourceKinds.All.FirstOrDefault(k => k.Kind == kind);
        var at = map.Entry(sameKind is null ? "kind" : "apiVersion")!.Value.At;
        var near = sameKind?.Kind ?? Spelling.Nearest(kind, ResourceKinds.All.Select(k => k.Kind));
        var fix = ResourceKinds.All.FirstOrDefault(k => k.Kind == near) is { } suggestion
            ? $"did you mean apiVersion: {suggestion.ApiVersion}, kind: {suggestion.Kind}?"
            : $"Weft serves {string.Join(", ", ResourceKinds.All.Select(k => k.Kind))}";
        findings.Report(DiagnosticRule.UnknownKind, at, $"no kind {ScalarNode.Shorten(kind)} in {ScalarNode.Shorten(apiVersion)}", fix);
        return null;
    }

    private static void CheckScope(MapNode map, ResourceKind kind, string name, Findings findings)
    {
        if (kind.Namespaced || (map["metadata"] as MapNode)?.Entry("namespace") is not { Value: ScalarNode { Type: ScalarType.Text } } entry) return;
        findings.Report(DiagnosticRule.Scope, entry.KeyAt, $"a {kind.Kind} belongs to no namespace", "remove metadata.namespace", name, "metadata.namespace");
    }

    private static string NameOf(MapNode map, ResourceKind kind, ReadOptions options)
    {
        var metadata = map["metadata"] as MapNode;
        var ns = kind.Namespaced ? metadata?.Text("namespace") ?? options.DefaultNamespace : "";
        return new ResourceKey(kind.Group, kind.Kind, ScalarNode.Shorten(ns), ScalarNode.Shorten(metadata?.Text("name") ?? "?")).ToString();
    }
}
