using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources.Schema;

namespace Weft.Resources;

/// <summary>A column that a table of objects shows after the name.</summary>
/// <param name="Name">Heading.</param>
/// <param name="Type">OpenAPI type of the value: <c>string</c>, <c>integer</c> or <c>date</c>.</param>
/// <param name="Doc">What the column says.</param>
/// <param name="Value">The cell.</param>
public sealed record PrinterColumn(string Name, string Type, string Doc, Func<ResourceObject, string> Value);

/// <summary>All that is known of a kind: its names, its schema and how its objects are made.</summary>
public sealed record ResourceKind
{
    /// <summary>API group; empty for core.</summary>
    public required string Group { get; init; }

    public required string Version { get; init; }

    /// <summary>Versions of before whose documents have the same shape: they are read, and become <see cref="Version"/>.</summary>
    public ImmutableArray<string> EarlierVersions { get; init; } = [];

    public required string Kind { get; init; }

    public required string Plural { get; init; }

    public required string Singular { get; init; }

    public ImmutableArray<string> ShortNames { get; init; } = [];

    public required bool Namespaced { get; init; }

    /// <summary>What the kind is for, in a sentence.</summary>
    public required string Doc { get; init; }

    public required ObjectType Schema { get; init; }

    public ImmutableArray<PrinterColumn> Columns { get; init; } = [];

    /// <summary>Makes the typed object of JSON that is known to be right (validated, or read back from the store).
    /// Throws <see cref="InvalidDataException"/> or <see cref="InvalidOperationException"/> on JSON that is not.</summary>
    public required Func<JsonObject, ResourceObject> Create { get; init; }

    /// <summary><c>v1</c> or <c>group/version</c>, as <c>apiVersion</c> is written.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>True for a version under which the kind is served.</summary>
    public bool HasVersion(string version) => version == Version || EarlierVersions.Contains(version);

    public override string ToString() => $"{ApiVersion} {Kind}";
}
