using System.Collections.Immutable;

namespace Weft.Resources.Schema;

/// <summary>What a field may hold. A closed family: validation, defaults and documentation each switch over it.</summary>
public abstract record FieldType
{
    /// <summary>The type in a person's words: <c>object</c>, <c>list of text</c>.</summary>
    public abstract string Name { get; }
}

/// <summary>Text. <see cref="Format"/> says more than a length can; <see cref="Allowed"/> makes it an enumeration.</summary>
public sealed record TextType : FieldType
{
    public int MinLength { get; init; }

    public int MaxLength { get; init; } = int.MaxValue;

    public TextFormat? Format { get; init; }

    /// <summary>The only values allowed, when not empty.</summary>
    public ImmutableArray<string> Allowed { get; init; } = [];

    public override string Name => Allowed.IsEmpty ? Format?.Name ?? "text" : string.Join(" | ", Allowed);
}

/// <summary>A whole number, both bounds included.</summary>
public sealed record IntegerType(long Min, long Max) : FieldType
{
    public override string Name => (Min, Max) is (long.MinValue, long.MaxValue) ? "whole number" : $"whole number {Min}..{Max}";
}

public sealed record BooleanType : FieldType
{
    public override string Name => "boolean";
}

/// <summary>A number or a text, as Kubernetes' IntOrString (a port by number or by name).</summary>
public sealed record NumberOrTextType(IntegerType Number, TextType Text) : FieldType
{
    public override string Name => $"{Number.Name} or {Text.Name}";
}

/// <summary>A list.</summary>
/// <param name="Item">Type of each item.</param>
public sealed record ListType(FieldType Item) : FieldType
{
    public int MinItems { get; init; }

    public int MaxItems { get; init; } = int.MaxValue;

    /// <summary>Fields of an item that together may stand once in the list; for a list of scalars leave it empty and set <see cref="Unique"/>.</summary>
    public ImmutableArray<string> KeyedBy { get; init; } = [];

    /// <summary>True when the key compares without case (header names).</summary>
    public bool KeyIgnoresCase { get; init; }

    /// <summary>True when no two items may be equal; only for lists of text.</summary>
    public bool Unique { get; init; }

    public override string Name => $"list of {Item.Name}";
}

/// <summary>A mapping with keys that people choose.</summary>
public sealed record MapType(TextType Key, FieldType Value) : FieldType
{
    public int MaxEntries { get; init; } = int.MaxValue;

    public override string Name => $"map of {Value.Name}";
}

/// <summary>A mapping with named fields and the rules that hold between them.</summary>
public sealed record ObjectType(ImmutableArray<Field> Fields) : FieldType
{
    /// <summary>Checks of several fields together; run only when each field is right by itself.</summary>
    public ImmutableArray<ObjectRule> Rules { get; init; } = [];

    public override string Name => "object";

    public Field? Find(string name)
    {
        foreach (var field in Fields)
            if (field.Name == name) return field;
        return null;
    }
}

/// <summary>Anything at all, carried and never read: managedFields, status, pieces that belong to others.</summary>
public sealed record AnyType : FieldType
{
    public override string Name => "anything";
}

/// <summary>A field of an object.</summary>
/// <param name="Name">Name as written.</param>
/// <param name="Type">What it may hold.</param>
/// <param name="Doc">What it means, in a sentence; shown to people.</param>
public sealed record Field(string Name, FieldType Type, string Doc)
{
    public bool Required { get; init; }

    /// <summary>The value that stands in when the field is absent, as JSON text; null for none.</summary>
    public string? Default { get; init; }
}
