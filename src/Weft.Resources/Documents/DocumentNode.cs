using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources.Documents;

/// <summary>A place in the text, both from 1; zero when the value never had a text form.</summary>
public readonly record struct Position(int Line, int Column);

/// <summary>One document of a text.</summary>
/// <param name="Root">Its value.</param>
/// <param name="Intact">False when something of it could not be kept (a key that stood twice): it is looked at for further mistakes, and refused.</param>
public sealed record Document(DocumentNode Root, bool Intact);

/// <summary>One value of a document and where it stands. YAML and JSON both become this tree, which validation walks.</summary>
public abstract record DocumentNode(Position At)
{
    /// <summary>Values in this subtree with aliases expanded, itself included: what expansion limits count.</summary>
    internal abstract int Size { get; }

    /// <summary>What a person would call the value: <c>text</c>, <c>a number</c>.</summary>
    public abstract string Describe();

    /// <summary>A new JSON tree of the same content; null for YAML and JSON null.</summary>
    public abstract JsonNode? ToJson();
}

/// <summary>An entry of a mapping; keys are always text.</summary>
public sealed record MapEntry(string Key, Position KeyAt, DocumentNode Value);

/// <summary>A mapping in the order written, without duplicate keys.</summary>
public sealed record MapNode(Position At, ImmutableArray<MapEntry> Entries) : DocumentNode(At)
{
    internal override int Size { get; } = 1 + Entries.Sum(e => e.Value.Size);

    public DocumentNode? this[string key] => Entry(key)?.Value;

    public MapEntry? Entry(string key)
    {
        foreach (var entry in Entries)
            if (entry.Key == key) return entry;
        return null;
    }

    /// <summary>The text under <paramref name="key"/>, or null when there is none.</summary>
    public string? Text(string key) => this[key] is ScalarNode { Type: ScalarType.Text } scalar ? scalar.Text : null;

    public override string Describe() => "an object";

    public override JsonNode ToJson()
    {
        var json = new JsonObject();
        // A null stands for "not set" in Kubernetes-style objects; keeping it would give two spellings of one object.
        foreach (var entry in Entries)
            if (entry.Value.ToJson() is { } value) json[entry.Key] = value;
        return json;
    }
}

public sealed record ListNode(Position At, ImmutableArray<DocumentNode> Items) : DocumentNode(At)
{
    internal override int Size { get; } = 1 + Items.Sum(i => i.Size);

    public override string Describe() => "a list";

    public override JsonNode ToJson()
    {
        var json = new JsonArray();
        foreach (var item in Items) json.Add(item.ToJson());
        return json;
    }
}

public enum ScalarType
{
    Text,
    Integer,
    Float,
    Boolean,
    Null,
}

/// <summary>A scalar with the type that YAML's core schema (or JSON) gives it.</summary>
/// <param name="At">Where it starts.</param>
/// <param name="Type">Its type; a quoted scalar is always text.</param>
/// <param name="Text">The text; for numbers in JSON's form, for booleans <c>true</c> or <c>false</c>.</param>
/// <param name="Plain">True when it was written without quotes, which is where other YAML readers may differ.</param>
public sealed record ScalarNode(Position At, ScalarType Type, string Text, bool Plain) : DocumentNode(At)
{
    internal override int Size => 1;

    public override string Describe() => Type switch
    {
        ScalarType.Text => $"the text \"{Shorten(Text)}\"",
        ScalarType.Null => "null",
        ScalarType.Boolean => $"the boolean {Text}",
        _ => $"the number {Shorten(Text)}",
    };

    public override JsonNode? ToJson() => Type switch
    {
        ScalarType.Null => null,
        ScalarType.Boolean => JsonValue.Create(Text == "true"),
        ScalarType.Integer when long.TryParse(Text, out var number) => JsonValue.Create(number),
        ScalarType.Integer or ScalarType.Float => JsonNode.Parse(Text),
        _ => JsonValue.Create(Text),
    };

    internal static string Shorten(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
