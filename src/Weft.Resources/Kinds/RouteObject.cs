using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>A route of Gateway API: it attaches to its parents and is told about each of them (<c>status.parents</c>).</summary>
public abstract class RouteObject : ResourceObject
{
    private protected RouteObject(ResourceKind kind, JsonObject json) : base(kind, json) => ParentRefs = json.Object("spec").List("parentRefs", ParentRef.From);

    public ImmutableArray<ParentRef> ParentRefs { get; }
}

/// <summary>What a route attaches to. <see cref="Json"/> is the reference as written, which status repeats.</summary>
public sealed record ParentRef(string Group, string Kind, string Namespace, string Name, string SectionName, int? Port, JsonObject Json)
{
    /// <summary>True for a Service: group empty, or <c>core</c> as older documents write it.</summary>
    public bool IsService => Group is "" or "core" && Kind == "Service";

    internal static ParentRef From(JsonObject json) => new(
        json.Text("group") ?? "gateway.networking.k8s.io", json.Text("kind") ?? "Gateway", json.Text("namespace") ?? "", json.Text("name") ?? "",
        json.Text("sectionName") ?? "", json.Int("port"), json);
}

/// <summary>Where requests or connections go.</summary>
/// <param name="Group">Empty for core.</param>
/// <param name="Kind">Kind; <c>Service</c> when not told.</param>
/// <param name="Namespace">Empty for the route's own.</param>
/// <param name="Name">Name.</param>
/// <param name="Port">Port of the Service; null only for other kinds.</param>
/// <param name="Weight">Share of the rule's requests or connections, 0 to 1,000,000; default 1.</param>
/// <param name="Filters">Filters for requests to this backend only; empty in a route of connections.</param>
public sealed record BackendRef(string Group, string Kind, string Namespace, string Name, int? Port, int Weight, ImmutableArray<HttpRouteFilter> Filters)
{
    internal static BackendRef From(JsonObject json) => new(
        json.Text("group") ?? "", json.Text("kind") ?? "Service", json.Text("namespace") ?? "", json.Text("name") ?? "", json.Int("port"),
        json.Int("weight") ?? 1, json.List("filters", HttpRouteFilter.From));
}
